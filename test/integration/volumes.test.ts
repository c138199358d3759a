/** Volumes and bind mounts: where data lives, who sees it, and who may take it away. */

import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ApiError, Json } from '../support/client.ts'
import { create, exec, inspect, remove, run, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

const command = promisify(execFile)
const IDLE = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL' }

let skiff: Daemon
/** A folder of the machine that containers mount. */
let host: string
beforeAll(async () => {
  skiff = await startDaemon({ args: ['--bridge', 'none'] })
  await importBusybox(skiff)
  host = join(skiff.folder, 'host')
  await mkdir(host)
  await makeImage()
})

// So that a test which fails does not fail the next.
afterEach(async () => {
  for (const { Id } of await skiff.api.get('/containers/json', { all: true })) await remove(skiff, Id)
  for (const name of await volumeNames()) await skiff.api.delete(`/volumes/${name}`)
})

/** with-data: /data holds a tree with owners, modes and links; /data/file is on a set-user-ID diet. */
async function makeImage(): Promise<void> {
  const script = `mkdir -p /data/sub; echo image >/data/file; ln -s file /data/link; ln /data/file /data/hard
    chown -R 1000:1001 /data; chmod 750 /data; chmod 4711 /data/file`
  const id = await start(skiff, { Image: 'busybox', Cmd: ['sh', '-c', script], HostConfig: { NetworkMode: 'none' } })
  await skiff.api.post(`/containers/${id}/wait`)
  await skiff.api.post('/commit', undefined, { container: id, repo: 'with-data', changes: 'VOLUME /declared' })
  await remove(skiff, id)
}

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it was not refused',
    (error: ApiError) => `${error.status} ${error.message}`,
  )
const hostConfig = (more: object) => ({ NetworkMode: 'none', ...more })
/** Runs a shell line with these binds; answers what it printed on both streams. */
const sh = async (line: string, more: object, spec: object = {}): Promise<string> => {
  const { stdout, stderr } = await run(skiff, {
    Image: 'busybox',
    Cmd: ['sh', '-c', line],
    HostConfig: hostConfig(more),
    ...spec,
  })
  return stdout + stderr
}
const volume = (Name: string, more: object = {}): Promise<Json> => skiff.api.post('/volumes/create', { Name, ...more })
const volumeNames = async (filters: object = {}): Promise<string[]> =>
  (await skiff.api.get('/volumes', { filters })).Volumes.map(({ Name }: { Name: string }) => Name)
const removeVolumes = async (...names: string[]) => {
  for (const name of names) await skiff.api.delete(`/volumes/${name}`)
}

describe('a named volume', () => {
  test('keeps its data beyond the container, on the machine and among containers at once', async () => {
    await sh('echo first >/v/a', { Binds: ['keep:/v'] })
    const { Mountpoint } = await skiff.api.get('/volumes/keep')
    expect(await readFile(join(Mountpoint, 'a'), 'utf8')).toBe('first\n')
    const [a, b] = [
      await start(skiff, { ...IDLE, HostConfig: hostConfig({ Binds: ['keep:/v'] }) }),
      await start(skiff, { ...IDLE, HostConfig: hostConfig({ Binds: ['keep:/w:ro'] }) }),
    ]
    await exec(skiff, a, ['sh', '-c', 'echo second >/v/a'])
    expect((await exec(skiff, b, ['cat', '/w/a'])).stdout).toBe('second\n')
    await writeFile(join(Mountpoint, 'a'), 'from outside\n')
    expect((await exec(skiff, b, ['cat', '/w/a'])).stdout).toBe('from outside\n')
    expect((await exec(skiff, b, ['touch', '/w/b'])).stderr).toContain('Read-only file system')
    expect(await refusal(skiff.api.delete('/volumes/keep'))).toBe(`409 remove keep: volume is in use - [${a}, ${b}]`)
    await Promise.all([a, b].map(id => remove(skiff, id)))
    // `rm -v` takes anonymous ones only.
    expect(await volumeNames()).toEqual(['keep'])
    await removeVolumes('keep')
    await expect(stat(Mountpoint)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('begins with what the image has there, owners, modes and links included', async () => {
    const look = 'cd /data; stat -c "%n %u:%g %a %h" . *; readlink link'
    const seen = await sh(look, { Binds: ['filled:/data'] }, { Image: 'with-data' })
    expect(seen).toBe(
      '. 1000:1001 750 3\nfile 1000:1001 4711 2\nhard 1000:1001 4711 2\nlink 1000:1001 777 1\nsub 1000:1001 755 2\nfile\n',
    )
    // What is in it is not overwritten; when it is empty it begins anew, as Docker's do.
    await sh('rm -rf /data/*; echo mine >/data/own', { Binds: ['filled:/data'] }, { Image: 'with-data' })
    expect(await sh('ls /data', { Binds: ['filled:/data'] }, { Image: 'with-data' })).toBe('own\n')
    await sh('rm /data/own', { Binds: ['filled:/data'] }, { Image: 'with-data' })
    expect(await sh('ls /data', { Binds: ['filled:/data'] }, { Image: 'with-data' })).toBe('file\nhard\nlink\nsub\n')
    await removeVolumes('filled')
  })

  test('begins empty with nocopy, and where the image has nothing', async () => {
    expect(await sh('ls /data', { Binds: ['bare:/data:nocopy'] }, { Image: 'with-data' })).toBe('')
    const Mounts = [{ Type: 'volume', Source: 'bare', Target: '/data', VolumeOptions: { NoCopy: true } }]
    expect(await sh('ls /data', { Mounts }, { Image: 'with-data' })).toBe('')
    expect(await sh('ls -ld /nothing | cut -c1-10', { Binds: ['bare:/nothing'] }, { Image: 'with-data' })).toBe(
      'drwxr-xr-x\n',
    )
    await removeVolumes('bare')
  })

  test('may be mounted in part', async () => {
    await sh('mkdir -p /v/a/b; echo deep >/v/a/b/f', { Binds: ['parts:/v'] })
    const part = (Subpath: string) => ({
      Mounts: [{ Type: 'volume', Source: 'parts', Target: '/p', VolumeOptions: { Subpath } }],
    })
    expect(await sh('cat /p/f', part('a/b'))).toBe('deep\n')
    expect(await refusal(sh('true', part('nothing')))).toMatch(/^400 .*nothing/)
    expect(await refusal(sh('true', part('../..')))).toMatch(/^4/)
    // A link in the volume leads nowhere outside of it.
    await sh('ln -s /etc /v/out', { Binds: ['parts:/v'] })
    expect(await refusal(sh('true', part('out')))).toMatch(/^[45]/)
    for (const { Id } of await skiff.api.get('/containers/json', { all: true })) await remove(skiff, Id)
    await removeVolumes('parts')
  })
})

describe('volumes', () => {
  test('are created, listed, filtered and inspected', async () => {
    const made = await volume('listed', { Labels: { tier: 'db' } })
    expect(made).toMatchObject({ Name: 'listed', Driver: 'local', Labels: { tier: 'db' }, Scope: 'local' })
    expect(await volume('listed')).toEqual(made)
    // Who creates what is there means to use it.
    expect(await volume('listed', { DriverOpts: { type: 'tmpfs', device: 'tmpfs' } })).toEqual(made)
    expect(await skiff.api.get('/volumes/listed')).toEqual(made)
    const user = await create(skiff, { ...IDLE, HostConfig: hostConfig({ Binds: ['taken:/v'] }) })
    expect(await volumeNames({ label: ['tier=db'] })).toEqual(['listed'])
    expect(await volumeNames({ name: ['ist'] })).toEqual(['listed'])
    expect(await volumeNames({ dangling: ['true'] })).toEqual(['listed'])
    expect(await volumeNames({ dangling: ['false'] })).toEqual(['taken'])
    expect(await refusal(volumeNames({ colour: ['red'] }))).toMatch(/^400 invalid filter 'colour'/)
    await remove(skiff, user)
    await removeVolumes('listed', 'taken')
  })

  test('are refused in Docker’s words', async () => {
    const local = (DriverOpts: object) => volume('bad', { DriverOpts })
    expect(await refusal(volume('x'))).toMatch(/^400 create x: volume name is too short/)
    expect(await refusal(volume('a/b'))).toMatch(/^400 create a\/b: "a\/b" includes invalid characters/)
    expect(await refusal(volume('bad', { Driver: 'nope' }))).toBe(
      '404 create bad: error looking up volume plugin nope: plugin "nope" not found',
    )
    expect(await refusal(local({ foo: 'bar' }))).toBe('400 create bad: invalid option: "foo"')
    expect(await refusal(local({ type: 'tmpfs' }))).toBe('400 create bad: missing required option: "device"')
    expect(await refusal(skiff.api.get('/volumes/none'))).toBe('404 get none: no such volume')
    expect(await refusal(skiff.api.delete('/volumes/none'))).toBe('404 get none: no such volume')
    await skiff.api.delete('/volumes/none', { force: true })
  })

  test('without a name go with their container, if that is asked; others stay', async () => {
    const withAnonymous = { ...IDLE, Image: 'with-data', HostConfig: hostConfig({ Binds: ['/anon', 'named:/n'] }) }
    const id = await create(skiff, withAnonymous)
    const { Mounts } = await inspect(skiff, id)
    expect(Mounts.map(({ Destination }: Json) => Destination).sort()).toEqual(['/anon', '/declared', '/n'])
    expect((await volumeNames()).length).toBe(3)
    await skiff.api.delete(`/containers/${id}`)
    expect((await volumeNames()).length).toBe(3)
    const pruned = await skiff.api.request('POST', '/v1.42/volumes/prune')
    expect(pruned.json.VolumesDeleted.length).toBe(2)
    expect(await volumeNames()).toEqual(['named'])
    const second = await create(skiff, withAnonymous)
    await remove(skiff, second)
    expect(await volumeNames()).toEqual(['named'])
    await start(skiff, {
      ...withAnonymous,
      Cmd: ['true'],
      HostConfig: hostConfig({ Binds: ['/anon'], AutoRemove: true }),
    })
    while ((await skiff.api.get('/containers/json', { all: true })).length > 0) await new Promise(setImmediate)
    // It is gone from the list first: until then its volumes are in use.
    await expect.poll(volumeNames, { timeout: 30_000 }).toEqual(['named'])
    const all = await skiff.api.request('POST', '/v1.42/volumes/prune', { query: { filters: { all: ['true'] } } })
    expect(all.json.VolumesDeleted).toEqual(['named'])
  })

  test('come from other containers, by way of others, stopped ones too', async () => {
    await writeFile(join(host, 'shared'), 'by bind\n')
    const first = await create(
      skiff,
      { ...IDLE, Image: 'with-data', HostConfig: hostConfig({ Binds: ['chain:/data', `${host}:/host:ro`, '/anon'] }) },
      'first',
    )
    const second = await create(skiff, { ...IDLE, HostConfig: hostConfig({ VolumesFrom: ['first'] }) }, 'second')
    const seen = await sh('cat /data/file /host/shared; touch /data/new /host/new; ls -d /anon /declared', {
      VolumesFrom: ['second'],
    })
    expect(seen).toContain('image\nby bind\n')
    expect(seen).toContain('touch: /host/new: Read-only file system')
    expect(seen).toContain('/anon\n/declared\n')
    expect(await sh('ls /data; touch /data/more', { VolumesFrom: ['first:ro'] })).toMatch(
      /new\n.*touch: \/data\/more: Read-only file system/s,
    )
    expect(await refusal(sh('true', { VolumesFrom: ['first:loud'] }))).toMatch(/^400 invalid mode: loud/)
    expect(await refusal(sh('true', { VolumesFrom: ['nobody'] }))).toBe('400 No such container: nobody')
    // What the second has from the first stays while the second has it.
    await skiff.api.delete(`/containers/${first}`, { v: true })
    expect((await volumeNames()).length).toBe(3)
    await remove(skiff, second)
    await skiff.api.request('POST', '/v1.41/volumes/prune')
    expect(await volumeNames()).toEqual([])
  })

  test('of memory, of a folder and of a network are mounted while they are used', async () => {
    const mounts = async () =>
      (await readFile('/proc/self/mountinfo', 'utf8'))
        .split('\n')
        .filter(line => line.includes(`${skiff.dataRoot}/volumes`))
    await volume('memory', { DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=1000,mode=700' } })
    await volume('folder', { DriverOpts: { type: 'none', device: host, o: 'bind' } })
    await volume('remote', { DriverOpts: { type: 'nfs', device: ':/x', o: 'addr=192.0.2.1,nolock' } })
    await volume('missing', { DriverOpts: { type: 'none', device: join(host, 'missing'), o: 'bind' } })
    const using = () => start(skiff, { ...IDLE, HostConfig: hostConfig({ Binds: ['memory:/m', 'folder:/f'] }) })
    const [a, b] = [await using(), await using()]
    expect(
      (
        await exec(skiff, a, [
          'sh',
          '-c',
          'stat -c %u:%a /m; echo hi >/m/x; df -k /m | tail -1 | tr -s " " | cut -d" " -f2',
        ])
      ).stdout,
    ).toBe('1000:700\n1024\n')
    expect((await exec(skiff, b, ['cat', '/m/x'])).stdout).toBe('hi\n')
    await writeFile(join(host, 'here'), '')
    expect((await exec(skiff, b, ['ls', '/f'])).stdout).toContain('here')
    expect((await mounts()).length).toBe(2)
    await skiff.kill9()
    await skiff.restart(['--bridge', 'none'])
    expect((await exec(skiff, b, ['cat', '/m/x'])).stdout).toBe('hi\n')
    expect((await mounts()).length).toBe(2)
    await remove(skiff, a)
    expect((await exec(skiff, b, ['cat', '/m/x'])).stdout).toBe('hi\n')
    // Its last user ends while there is no daemon: the next one cleans up.
    const { Pid } = (await inspect(skiff, b)).State
    await skiff.kill9()
    process.kill(Pid, 'SIGKILL')
    await skiff.restart(['--bridge', 'none'])
    while ((await inspect(skiff, b)).State.Running) await new Promise(setImmediate)
    expect(await mounts()).toEqual([])
    await remove(skiff, b)
    expect(await refusal(sh('true', { Binds: ['missing:/v'] }))).toBe(
      `500 error while mounting volume '${skiff.dataRoot}/volumes/missing/_data': failed to mount local volume: mount ` +
        `${host}/missing:${skiff.dataRoot}/volumes/missing/_data, flags: 0x1000: no such file or directory`,
    )
    expect(await refusal(sh('true', { Binds: ['remote:/v'] }))).toMatch(
      /^500 error while mounting volume .*: failed to mount local volume: mount :\/x:.*, data: addr=192\.0\.2\.1,nolock: /,
    )
    await removeVolumes('memory', 'folder', 'remote', 'missing')
    expect(await readdir(host)).toContain('here')
  })
})

describe('a bind mount', () => {
  test('may be a single file, and is seen at once on both sides', async () => {
    const path = join(host, 'config')
    await writeFile(path, 'one\n')
    const id = await start(skiff, { ...IDLE, HostConfig: hostConfig({ Binds: [`${path}:/etc/config:z`] }) })
    await writeFile(path, 'two\n')
    expect((await exec(skiff, id, ['cat', '/etc/config'])).stdout).toBe('two\n')
    await exec(skiff, id, ['sh', '-c', 'echo three >/etc/config'])
    expect(await readFile(path, 'utf8')).toBe('three\n')
    await remove(skiff, id)
    expect(await sh('echo x >/etc/config', { Binds: [`${path}:/etc/config:ro,Z`] })).toContain('Read-only file system')
    expect(await refusal(sh('true', { Binds: [`${host}:/etc/passwd`] }))).toMatch(/not a directory/)
  })

  test('of a path that is missing is made for -v, and refused for --mount', async () => {
    const path = join(host, 'made', 'deep')
    expect(await sh('ls -ld /v | cut -c1-10', { Binds: [`${path}:/v`] })).toBe('drwxr-xr-x\n')
    expect((await stat(path)).isDirectory()).toBe(true)
    const Mounts = [{ Type: 'bind', Source: join(host, 'missing'), Target: '/v' }]
    expect(await refusal(sh('true', { Mounts }))).toBe(
      `400 invalid mount config for type "bind": bind source path does not exist: ${host}/missing`,
    )
    await expect(stat(join(host, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' })
    const made = [{ ...Mounts[0], BindOptions: { CreateMountpoint: true } }]
    expect(await sh('ls -d /v', { Mounts: made })).toBe('/v\n')
  })

  test('keeps owners and modes as they are on the machine', async () => {
    const folder = join(host, 'owned')
    await mkdir(folder)
    await chown(folder, 1234, 4321)
    await chmod(folder, 0o2775)
    expect(await sh('stat -c %u:%g:%a /v', { Binds: [`${folder}:/v`] })).toBe('1234:4321:2775\n')
  })

  test('that is read-only is so to the bottom, submounts included', async () => {
    const folder = join(host, 'tree')
    await mkdir(join(folder, 'below'), { recursive: true })
    await command('mount', ['-t', 'tmpfs', 'skiff-test', join(folder, 'below')])
    try {
      expect(await sh('touch /v/below/x; ls /v/below', { Binds: [`${folder}:/v`] })).toBe('x\n')
      const failing = await sh('touch /v/y; touch /v/below/y; ls /v/below', { Binds: [`${folder}:/v:ro`] })
      expect(failing).toContain('x\n')
      expect(failing).toContain('touch: /v/y: Read-only file system')
      expect(failing).toContain('touch: /v/below/y: Read-only file system')
      const mount = (BindOptions: object) => [
        { Type: 'bind', Source: folder, Target: '/v', ReadOnly: true, BindOptions },
      ]
      // Unless told otherwise, which older versions of the API always are.
      const shallow = { Mounts: mount({ ReadOnlyNonRecursive: true }) }
      expect(await sh('touch /v/below/z; touch /v/z', shallow)).toBe('touch: /v/z: Read-only file system\n')
      expect(await sh('ls /v/below', { Mounts: mount({ NonRecursive: true }) })).toBe('')
    } finally {
      await command('umount', [join(folder, 'below')])
    }
  })

  test('propagates mounts as far as it was told', async () => {
    const folder = join(host, 'peers')
    await mkdir(folder)
    await command('mount', ['--bind', folder, folder])
    try {
      await command('mount', ['--make-private', folder])
      expect(await refusal(sh('true', { Binds: [`${folder}:/v:shared`] }))).toBe(
        `400 path ${folder} is mounted on ${folder} but it is not a shared mount`,
      )
      expect(await refusal(sh('true', { Binds: [`${folder}:/v:rslave`] }))).toBe(
        `400 path ${folder} is mounted on ${folder} but it is not a shared or slave mount`,
      )
      await command('mount', ['--make-shared', folder])
      await mkdir(join(folder, 'sub'))
      const of = (mode: string) =>
        start(skiff, {
          ...IDLE,
          HostConfig: hostConfig({
            Binds: [`${folder}:/v:${mode}`],
            CapAdd: ['SYS_ADMIN'],
            SecurityOpt: ['seccomp=unconfined'],
          }),
        })
      const [slave, closed, shared] = [await of('rslave'), await of('rprivate'), await of('rshared')]
      await command('mount', ['-t', 'tmpfs', 'skiff-test', join(folder, 'sub')])
      await writeFile(join(folder, 'sub', 'late'), '')
      const list = async (id: string) => (await exec(skiff, id, ['ls', '/v/sub'])).stdout
      expect([await list(slave), await list(closed), await list(shared)]).toEqual(['late\n', '', 'late\n'])
      await command('umount', [join(folder, 'sub')])
      // And from the container to the machine, where that was asked for.
      expect((await exec(skiff, shared, ['mount', '-t', 'tmpfs', 'inner', '/v/sub'])).exitCode).toBe(0)
      expect(await readFile('/proc/self/mountinfo', 'utf8')).toContain(`${folder}/sub `)
      await exec(skiff, shared, ['umount', '/v/sub'])
      expect((await exec(skiff, slave, ['mount', '-t', 'tmpfs', 'inner', '/v/sub'])).exitCode).toBe(0)
      expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(`${folder}/sub `)
      await Promise.all([slave, closed, shared].map(id => remove(skiff, id)))
    } finally {
      await command('umount', ['-R', folder])
    }
  })

  test('is refused where Docker refuses it', async () => {
    const bind = (spec: string) => refusal(sh('true', { Binds: [spec] }))
    expect(await bind('a:b:c:d')).toBe("400 invalid volume specification: 'a:b:c:d'")
    expect(await bind(`${host}:relative`)).toMatch(/mount path must be absolute$/)
    expect(await bind(`${host}:/`)).toMatch(/destination can't be '\/'$/)
    expect(await bind(`${host}:/v:ro,rw`)).toBe('400 invalid mode: ro,rw')
    expect(await bind(`${host}:/v:nocopy`)).toMatch(/field VolumeOptions must not be specified$/)
    expect(await refusal(sh('true', { Binds: [`${host}:/v`, `${host}:/v`] }))).toBe('400 Duplicate mount point: /v')
    const mount = (fields: object) => refusal(sh('true', { Mounts: [fields] }))
    expect(await mount({ Type: 'bind', Source: host, Target: '' })).toMatch(/field Target must not be empty$/)
    expect(await mount({ Type: 'bind', Source: '', Target: '/v' })).toMatch(/field Source must not be empty$/)
    expect(await mount({ Type: 'bind', Source: 'here', Target: '/v' })).toMatch(/mount path must be absolute$/)
    expect(await mount({ Type: 'none', Source: host, Target: '/v' })).toMatch(/mount type unknown$/)
    expect(await mount({ Type: 'volume', Target: '/v', ReadOnly: true })).toMatch(
      /must not set ReadOnly mode when using anonymous volumes$/,
    )
    expect((await skiff.api.get('/containers/json', { all: true })).length).toBe(0)
    expect(await volumeNames()).toEqual([])
  })
})

test('a tmpfs has the size, mode and options that were asked for', async () => {
  const Mounts = [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } }]
  const seen = await sh('stat -c %a /t; df -k /t | tail -1 | tr -s " " | cut -d" " -f2; grep " /t " /proc/mounts', {
    Mounts,
  })
  expect(seen).toMatch(/^700\n1024\ntmpfs \/t tmpfs rw,nosuid,nodev,noexec/)
  expect(await sh('echo "echo ran" >/s/x; sh /s/x; chmod +x /s/x; /s/x', { Tmpfs: { '/s': 'exec,size=64k' } })).toBe(
    'ran\nran\n',
  )
  expect(await sh('touch /s/x', { Tmpfs: { '/s': 'ro' } })).toContain('Read-only file system')
  await rm(join(host, 'config'), { force: true })
})

test('events tell of volumes', async () => {
  const since = Date.now() / 1000
  await sh('true', { Binds: ['told:/v'] })
  await removeVolumes('told')
  const until = Date.now() / 1000 + 0.01
  const text = (await skiff.api.bytes('/events', { since, until, filters: { type: ['volume'] } })).toString()
  const events = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(events.map(({ Action, Actor }) => [Action, Actor.ID, Actor.Attributes.driver])).toEqual(
    ['create', 'mount', 'unmount', 'destroy'].map(action => [action, 'told', 'local']),
  )
  expect(events[1].Actor.Attributes).toMatchObject({ destination: '/v', 'read/write': 'true' })
})

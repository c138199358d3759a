/** What a container is given, and what is kept of it: configuration on disk, mounts, volumes, files, shared namespaces. */

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { create, exec, inspect, remove, run, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const NONE = { NetworkMode: 'none' }
const spec = (line: string, host: object = {}, own: object = {}) => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', line],
  HostConfig: { ...NONE, ...host },
  ...own,
})
const output = async (line: string, host: object = {}, own: object = {}): Promise<string> => {
  const { stdout, stderr } = await run(skiff, spec(line, host, own))
  return stdout + stderr
}
const refused = async (host: object, own: object = {}) => {
  const { status, json } = await skiff.api.request('POST', '/containers/create', { body: spec('true', host, own) })
  return [status, json.message]
}

test('the state on disk is JSON that a person can read', async () => {
  const id = await create(skiff, spec('true'), 'readable')
  const folder = join(skiff.dataRoot, 'containers', id)
  const read = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8'))
  expect(await read('config.json')).toMatchObject({ id, name: 'readable', config: { image: 'busybox' } })
  expect(await read('state.json')).toMatchObject({ status: 'created', running: false })
  expect((await stat(folder)).mode & 0o777).toBe(0o710)
  expect((await stat(skiff.dataRoot)).mode & 0o777).toBe(0o710)
  await remove(skiff, id)
})

describe('binds', () => {
  it('are read-only where asked, and made where missing', async () => {
    const folder = await mkdtemp(join(skiff.folder, 'bind-'))
    await writeFile(join(folder, 'file'), 'content')
    expect(await output('cat /mnt/file; touch /mnt/x', { Binds: [`${folder}:/mnt:ro`] })).toBe(
      'contenttouch: /mnt/x: Read-only file system\n',
    )
    expect(await output('touch /new/x && echo done', { Binds: [`${folder}/a/b:/new`] })).toBe('done\n')
    expect((await stat(join(folder, 'a/b/x'))).isFile()).toBe(true)
    expect(await output('cat /etc/motd', { Binds: [`${folder}/file:/etc/motd`] })).toBe('content')
    await rm(folder, { recursive: true })
  })

  it('of --mount must be there', async () => {
    expect(await refused({ Mounts: [{ Type: 'bind', Source: '/nonexistent', Target: '/b' }] })).toEqual([
      400,
      'invalid mount config for type "bind": bind source path does not exist: /nonexistent',
    ])
    expect(await refused({ Binds: ['/tmp:/x', '/tmp:/x'] })).toEqual([400, 'Duplicate mount point: /x'])
  })
})

describe('volumes', () => {
  it('begin with the image’s content, and keep what is written', async () => {
    const Binds = ['kept:/etc']
    expect(await output('ls -l /etc; echo 1 >/etc/mine', { Binds })).toMatch(/-rw-r--r-- .* passwd/)
    expect(await output('cat /etc/mine', { Binds })).toBe('1\n')
    expect(await output('ls /v', { Binds: ['bare:/v:nocopy'] })).toBe('')
    for (const name of ['kept', 'bare']) await skiff.api.delete(`/volumes/${name}`)
  })

  it('without a name go with the container, named ones stay', async () => {
    const names = async () => (await skiff.api.get('/volumes')).Volumes.map(({ Name }: { Name: string }) => Name)
    const id = await create(skiff, spec('true', { Binds: ['named:/n'] }, { Volumes: { '/anonymous': {} } }))
    const { Mounts } = await inspect(skiff, id)
    expect(Mounts).toHaveLength(2)
    expect(Mounts[0]).toMatchObject({
      Type: 'volume',
      Destination: '/anonymous',
      Driver: 'local',
      RW: true,
      Propagation: '',
    })
    expect(Mounts[1]).toMatchObject({ Type: 'volume', Name: 'named', Destination: '/n', Mode: 'z' })
    expect((await names()).sort()).toEqual([Mounts[0].Name, 'named'].sort())
    const busy = await skiff.api.request('DELETE', '/volumes/named')
    expect([busy.status, busy.json.message]).toEqual([409, `remove named: volume is in use - [${id}]`])
    await remove(skiff, id)
    expect(await names()).toEqual(['named'])
    await skiff.api.delete('/volumes/named')
  })

  it('can be taken from another container, read-only if asked', async () => {
    const id = await create(skiff, spec('true', { Binds: ['shared:/data'] }), 'owner')
    expect(await output('touch /data/x && ls /data', { VolumesFrom: ['owner'] })).toBe('x\n')
    expect(await output('touch /data/y', { VolumesFrom: ['owner:ro'] })).toContain('Read-only file system')
    expect(await refused({ VolumesFrom: ['nope'] })).toEqual([400, 'No such container: nope'])
    await remove(skiff, id)
    await skiff.api.delete('/volumes/shared')
  })

  it('that a refused create has made are gone again', async () => {
    await refused({ Binds: ['temporary:/t'], Mounts: [{ Type: 'volume', Source: '_bad', Target: '/b' }] })
    expect((await skiff.api.get('/volumes')).Volumes).toEqual([])
  })
})

test('a tmpfs has its size, and is in memory', async () => {
  const line = 'df -k /t | tail -1 | awk "{print \\$2}"; mount | grep " /t " | cut -d" " -f1,5'
  expect(await output(line, { Tmpfs: { '/t': 'size=1m' } })).toBe('1024\ntmpfs tmpfs\n')
})

describe('what another container has can be shared', () => {
  it('network, processes and IPC', async () => {
    const owner = await start(skiff, spec('sleep 100000', { IpcMode: 'shareable' }, { Hostname: 'owner' }), 'owner')
    const links = 'for n in net pid ipc; do readlink /proc/self/ns/$n; done; hostname'
    const theirs = (await exec(skiff, owner, ['sh', '-c', links])).stdout
    const host = { NetworkMode: 'container:owner', PidMode: 'container:owner', IpcMode: 'container:owner' }
    expect(await output(links, host)).toBe(theirs)
    await remove(skiff, owner)
  })

  it('but only of one that runs, and allows it', async () => {
    const idle = await create(skiff, spec('true'), 'idle')
    const started = async (host: object) => {
      const id = await create(skiff, spec('true', host))
      const { status, json } = await skiff.api.request('POST', `/containers/${id}/start`)
      await remove(skiff, id)
      return [status, json.message]
    }
    expect(await started({ NetworkMode: 'container:idle' })).toEqual([
      409,
      `cannot join network of a non running container: ${idle}`,
    ])
    await skiff.api.post('/containers/create', spec('sleep 1000'), { name: 'private' })
    await skiff.api.post('/containers/private/start')
    expect((await started({ IpcMode: 'container:private' }))[1]).toContain('non-shareable IPC')
    expect(await refused({ PidMode: 'container:nope' })).toEqual([400, 'No such container: nope'])
    await Promise.all([remove(skiff, idle), remove(skiff, 'private')])
  })
})

test('hosts, hostname and resolv.conf are written for each container', async () => {
  const host = { Dns: ['9.9.9.9'], DnsSearch: ['example.org'], DnsOptions: ['ndots:2'], ExtraHosts: ['db:10.1.2.3'] }
  const text = await output('hostname; cat /etc/hostname /etc/resolv.conf; grep db /etc/hosts', host, {
    Hostname: 'web',
  })
  expect(text).toBe('web\nweb\nnameserver 9.9.9.9\nsearch example.org\noptions ndots:2\n10.1.2.3\tdb\n')
})

test('limits of the user are set, and those beyond reach are refused in words', async () => {
  expect(await output('ulimit -n; ulimit -Hn', { Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }] })).toBe(
    '100\n200\n',
  )
  expect((await refused({ Ulimits: [{ Name: 'foo', Soft: 1, Hard: 1 }] }))[1]).toBe('invalid ulimit type: foo')
})

describe('the environment', () => {
  it('has what Docker sets, what the user says, and nothing of the daemon’s', async () => {
    const text = await output('env | sort', {}, { Env: ['A=1', 'HOME=/x'], Hostname: 'h' })
    const own = text.split('\n').filter(line => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))
    expect(own.join('\n').trim()).toBe(
      'A=1\nHOME=/x\nHOSTNAME=h\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    )
  })
})

describe('a list of containers', () => {
  it('can be filtered', async () => {
    const one = await start(skiff, spec('sleep 1000', {}, { Labels: { a: '1', b: '2' } }), 'one')
    const two = await create(skiff, spec('true', { Binds: ['vol:/v'] }, { Labels: { a: '2' } }), 'two')
    const names = async (filters: object, query: object = {}) =>
      (await skiff.api.get('/containers/json', { filters, ...query }))
        .map(({ Names }: { Names: string[] }) => Names[0]!.slice(1))
        .sort()
    expect(await names({})).toEqual(['one'])
    expect(await names({}, { all: 1 })).toEqual(['one', 'two'])
    expect(await names({}, { limit: 1 })).toEqual(['two'])
    expect(await names({ status: ['created'] })).toEqual(['two'])
    expect(await names({ label: ['a', 'b=2'] }, { all: 1 })).toEqual(['one'])
    expect(await names({ label: ['a=2'] }, { all: 1 })).toEqual(['two'])
    expect(await names({ name: ['^/t'] }, { all: 1 })).toEqual(['two'])
    expect(await names({ id: [one.slice(0, 10)] }, { all: 1 })).toEqual(['one'])
    expect(await names({ ancestor: ['busybox'] }, { all: 1 })).toEqual(['one', 'two'])
    expect(await names({ ancestor: ['nope'] }, { all: 1 })).toEqual([])
    expect(await names({ volume: ['vol'] }, { all: 1 })).toEqual(['two'])
    expect(await names({ network: ['none'] }, { all: 1 })).toEqual(['one', 'two'])
    expect(await names({ before: ['two'] }, { all: 1 })).toEqual(['one'])
    expect(await names({ since: ['one'] }, { all: 1 })).toEqual(['two'])
    const { status, json } = await skiff.api.request('GET', '/containers/json', {
      query: { filters: { nonsense: ['x'] } },
    })
    expect([status, json.message]).toEqual([400, expect.stringContaining('nonsense')])
    await Promise.all([remove(skiff, one), remove(skiff, two)])
    await skiff.api.delete('/volumes/vol')
  })
})

test('an ambiguous beginning of an id is refused', async () => {
  const ids = await Promise.all(Array.from({ length: 17 }, () => create(skiff, spec('true'))))
  const first = ids.map(id => id[0]!)
  const twice = first.find((digit, index) => first.indexOf(digit) !== index)!
  const { status, json } = await skiff.api.request('GET', `/containers/${twice}/json`)
  expect([status, json.message]).toEqual([400, `Multiple IDs found with provided prefix: ${twice}`])
  await Promise.all(ids.map(id => remove(skiff, id)))
})

test('top shows the processes, by ps’s options', async () => {
  const id = await start(skiff, spec('sleep 12345 & sleep 1000'))
  const { Titles } = await skiff.api.get(`/containers/${id}/top`)
  expect(Titles).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'])
  const commands = async () => {
    const { Processes } = await skiff.api.get(`/containers/${id}/top`)
    return Processes.map((row: string[]) => row[7])
  }
  // The shell may not have forked yet.
  await expect.poll(commands, { timeout: 30_000 }).toContain('sleep 12345')
  expect((await skiff.api.get(`/containers/${id}/top`, { ps_args: '-o pid,comm' })).Titles).toEqual(['PID', 'COMMAND'])
  const { json } = await skiff.api.request('GET', `/containers/${id}/top`, { query: { ps_args: '-o comm' } })
  expect(json.message).toBe("Couldn't find PID field in ps output")
  await remove(skiff, id)
})

test('health is checked, told and kept', async () => {
  const events = await skiff.api.stream('GET', '/events', { query: { filters: { event: ['health_status'] } } })
  const healthy = new Promise<string>(resolve =>
    events.on('data', chunk => String(chunk).includes('health_status: healthy') && resolve(String(chunk))),
  )
  const id = await start(
    skiff,
    spec('sleep 1000', {}, { Healthcheck: { Test: ['CMD-SHELL', 'echo fine'], Interval: 20_000_000 } }),
  )
  expect((await inspect(skiff, id)).State.Health.Status).toMatch(/starting|healthy/)
  await healthy
  const { Health } = (await inspect(skiff, id)).State
  expect(Health).toMatchObject({ Status: 'healthy', FailingStreak: 0 })
  expect(Health.Log[0]).toMatchObject({ ExitCode: 0, Output: 'fine\n' })
  events.destroy()
  await remove(skiff, id)
})

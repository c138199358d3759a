/** Snapshots: points in a container's life that it, and others, begin at again. */

import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { setXattr, xattrsOf } from '../../src/kernel/xattr.ts'
import type { ApiError } from '../support/client.ts'
import { create, exec, inspect, remove, run, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { removeAll, reset, snapshot, snapshotNames, startFrom } from '../support/snapshots.ts'

const command = promisify(execFile)
/** It notes that it was asked to end. */
const WAITING = ['sh', '-c', 'trap "echo asked >/ended; exit 0" TERM; echo up >/up; while :; do sleep 0.02; done']
const IDLE = { Image: 'busybox', Cmd: WAITING, HostConfig: { NetworkMode: 'none' } }

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

// So that a test which fails does not fail the next.
afterEach(() => removeAll(skiff))

const sh = async (id: string, line: string): Promise<string> => {
  const { stdout, stderr } = await exec(skiff, id, ['sh', '-c', line])
  return stdout + stderr
}
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it was not refused',
    (error: ApiError) => `${error.status} ${error.message}`,
  )
/** A container that has run a shell line and ended. */
async function ended(line: string, spec: object = {}): Promise<string> {
  const id = await start(skiff, { ...IDLE, Cmd: ['sh', '-c', line], ...spec })
  await wait(skiff, id)
  return id
}
/** Everything that a container sees but times of access: kinds, modes, owners, links, sizes, times, contents. */
const LISTING = `cd /; find . -xdev ! -path './proc*' ! -path './sys*' ! -path './dev*' ! -path './etc/*' \
  -exec stat -c '%n %F %a %u %g %h %s %Y %t %T' {} + | sort; find . -xdev -type f ! -path './proc/*' ! -path './sys/*' ! -path './etc/*' -size -200k -exec md5sum {} + | sort`

describe('a container that is reset', () => {
  test('has what it had when it was stopped for the snapshot, and runs again', async () => {
    const id = await start(skiff, IDLE)
    await sh(id, 'while [ ! -e /up ]; do sleep 0.01; done; echo 1 >/one; mkdir -p /a/b; echo x >/a/b/c')
    const before = await inspect(skiff, id)
    const made = await snapshot(skiff, id, 'first', { stop: 1 })
    expect(made).toMatchObject({ Name: 'first', ContainerID: id, Image: 'busybox', Parent: null, Warnings: [] })
    const { State } = await inspect(skiff, id)
    expect(State.Running).toBe(true)
    expect(State.Pid).not.toBe(before.State.Pid)
    // It was asked to end, not killed.
    expect(await sh(id, 'cat /ended /one /a/b/c')).toBe('asked\n1\nx\n')
    await sh(id, 'echo 2 >/two; echo changed >/one; rm -r /a; rm /bin/ls')
    expect(await reset(skiff, id)).toEqual({ Snapshot: 'first' })
    expect(await sh(id, 'cat /one /a/b/c; ls /two 2>&1; ls -d /bin/ls')).toBe(
      '1\nx\nls: /two: No such file or directory\n/bin/ls\n',
    )
    // Again and again.
    await sh(id, 'rm /one')
    await reset(skiff, id)
    expect(await sh(id, 'cat /one')).toBe('1\n')
  })

  test('does not run if it did not run, and may be reset then', async () => {
    const id = await ended('echo 1 >/one')
    await snapshot(skiff, id, 'still')
    expect((await inspect(skiff, id)).State).toMatchObject({ Running: false, Status: 'exited' })
    await reset(skiff, id)
    expect((await inspect(skiff, id)).State.Running).toBe(false)
    expect(await skiff.api.get(`/containers/${id}/changes`)).toEqual([{ Path: '/one', Kind: 1 }])
  })

  test('keeps hard links, whiteouts, opaque folders, attributes, owners and times', async () => {
    const id = await start(skiff, IDLE)
    await sh(
      id,
      `mkdir /links /gone; echo hard >/links/a; ln /links/a /links/b; ln -s a /links/c; mkfifo /links/pipe; mknod /links/null c 1 3
       rm /bin/vi; rm -r /usr/sbin; mkdir /usr/sbin; echo new >/usr/sbin/new; echo s >/links/suid; chown 5:6 /links/suid; chmod 4755 /links/suid
       chmod 1770 /; touch -d '2001-02-03 04:05:06' /links/b; : >/links/sparse; truncate -s 5M /links/sparse`,
    )
    const { State } = await inspect(skiff, id)
    setXattr(`/proc/${State.Pid}/root/links/a`, 'user.note', Buffer.from('kept'))
    await snapshot(skiff, id, 'facts', { stop: 1 })
    const before = await sh(id, LISTING)
    expect(before).toContain('./links/suid regular file 4755 5 6')
    await sh(id, 'rm -r /links /usr/sbin; echo back >/bin/vi; chmod 755 /')
    await reset(skiff, id)
    const other = await startFrom(skiff, 'facts', { HostConfig: { NetworkMode: 'none' } })
    for (const each of [id, other]) {
      await sh(each, 'while [ ! -e /up ]; do sleep 0.01; done')
      expect(withoutUp(await sh(each, LISTING))).toBe(withoutUp(before))
      expect(await sh(each, 'ls /bin/vi 2>&1; ls /usr/sbin; stat -c %h /links/b')).toBe(
        'ls: /bin/vi: No such file or directory\nnew\n2\n',
      )
      const { Pid } = (await inspect(skiff, each)).State
      expect(xattrsOf(`/proc/${Pid}/root/links/a`).get('user.note')?.toString()).toBe('kept')
    }
  })

  test('has the addresses and ports that it had, those that the kernel chose too', async () => {
    const spec = {
      Image: 'busybox',
      Cmd: WAITING,
      ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] }, PublishAllPorts: true },
    }
    const id = await start(skiff, spec)
    await snapshot(skiff, id, 'published', { stop: 1 })
    const { Ports, IPAddress } = (await inspect(skiff, id)).NetworkSettings
    expect(Ports['80/tcp'][0].HostPort).toMatch(/^\d+$/)
    await reset(skiff, id)
    expect((await inspect(skiff, id)).NetworkSettings).toMatchObject({ Ports, IPAddress })
  })

  test('with --rm is not removed by it', async () => {
    const id = await start(skiff, { ...IDLE, HostConfig: { NetworkMode: 'none', AutoRemove: true } })
    await snapshot(skiff, id, 'fleeting', { stop: 1 })
    await reset(skiff, id)
    expect((await inspect(skiff, id)).State.Running).toBe(true)
  })

  test('may have a read-only root, and tmpfs in it, which begin empty', async () => {
    const HostConfig = { NetworkMode: 'none', ReadonlyRootfs: true, Tmpfs: { '/run': '' } }
    const id = await start(skiff, { ...IDLE, Cmd: ['sleep', '100000'], HostConfig })
    await sh(id, 'echo 1 >/run/one')
    await snapshot(skiff, id, 'readonly', { stop: 1, signal: 'KILL' })
    await reset(skiff, id)
    expect(await sh(id, 'ls /run; touch /new')).toBe('touch: /new: Read-only file system\n')
  })

  test('tells what it did: events, and the mounts of its start', async () => {
    const since = Date.now() / 1000
    const id = await start(skiff, IDLE)
    await snapshot(skiff, id, 'told', { stop: 1 })
    await reset(skiff, id)
    const { stdout } = await command(skiff.command[0]!, [
      ...skiff.command.slice(1),
      ...['events', '--since', String(since), '--until', String(Date.now() / 1000 + 0.5)],
      ...[
        '--filter',
        'event=snapshot',
        '--filter',
        'event=reset',
        '--format',
        '{{.Action}} {{.Actor.Attributes.snapshot}}',
      ],
    ])
    expect(stdout).toBe('snapshot told\nreset told\n')
    const listing = (await skiff.api.request('GET', `/containers/${id}/explain`)).text
    const [, name = ''] = /frozen 1 +\S+\/layers\/tree\/(_\w+)/.exec(listing) ?? []
    expect(listing).toContain(`lowerdir=${name}:1:0,`)
  })
})

describe('what it changed', () => {
  test('is told against the image: diff, commit, export, sizes', async () => {
    const line =
      'rm /bin/vi; rm -r /usr/sbin; mkdir /usr/sbin; echo 1 >/usr/sbin/one; mkdir /d; echo 2 >/d/two; echo 3 >/d/three'
    const plain = await ended(`${line}; rm /d/two; echo 4444 >/d/four`)
    const id = await ended(line)
    await snapshot(skiff, id, 'middle')
    const other = await create(skiff, {
      FromSnapshot: 'middle',
      Image: '',
      Cmd: ['sh', '-c', 'rm /d/two; echo 4444 >/d/four'],
    })
    await skiff.api.post(`/containers/${other}/start`)
    await wait(skiff, other)
    const changes = await skiff.api.get(`/containers/${plain}/changes`)
    expect(changes).toContainEqual({ Path: '/bin/vi', Kind: 2 })
    expect(await skiff.api.get(`/containers/${other}/changes`)).toEqual(changes)
    const sizes = async (ref: string) => await skiff.api.get(`/containers/${ref}/json`, { size: 1 })
    const { SizeRw, SizeRootFs } = await sizes(plain)
    // Its own is what goes with it.
    expect(await sizes(other)).toMatchObject({ SizeRw: 5, SizeRootFs: SizeRootFs + 2 })
    expect(SizeRw).toBe(9)
    for (const [container, repo] of [
      [plain, 'of-plain'],
      [other, 'of-other'],
    ])
      await skiff.api.post('/commit', undefined, { container, repo })
    const [a, b] = await Promise.all(
      ['of-plain', 'of-other'].map(image => run(skiff, { Image: image, Cmd: ['sh', '-c', withoutTimes] })),
    )
    expect(b!.stdout).toBe(a!.stdout)
    expect(a!.stdout).toContain('./d/four')
    expect((await skiff.api.get('/images/of-other/json')).RootFS.Layers).toHaveLength(2)
    const names = async (ref: string) => (await listArchive(ref)).sort()
    expect(await names(other)).toEqual(await names(plain))
    for (const image of ['of-plain', 'of-other']) await skiff.api.delete(`/images/${image}`, { force: true })
  })
})

describe('many containers', () => {
  test('stand on one snapshot, each with its own changes, and the settings of the one that it is of', async () => {
    const id = await start(skiff, { ...IDLE, Env: ['A=1', 'B=2'], WorkingDir: '/bin', Labels: { kept: 'yes' } })
    await sh(id, 'echo shared >/shared')
    await snapshot(skiff, id, 'shared', { stop: 1 })
    const HostConfig = { NetworkMode: 'none' }
    const others = await Promise.all(
      [1, 2, 3, 4, 5].map(n => startFrom(skiff, 'shared', { HostConfig, Env: [`B=${n}`] })),
    )
    await Promise.all(others.map((other, n) => sh(other, `echo ${n} >>/shared`)))
    const seen = await Promise.all(others.map(other => sh(other, 'cat /shared; echo $A $B; pwd')))
    expect(seen).toEqual(others.map((_, n) => `shared\n${n}\n1 ${n + 1}\n/bin\n`))
    expect((await inspect(skiff, others[0]!)).Config).toMatchObject({
      Image: 'busybox',
      Labels: { kept: 'yes' },
      Cmd: WAITING,
    })
    expect(await sh(id, 'cat /shared')).toBe('shared\n')
    // The container that it is of goes, the snapshot stays.
    await remove(skiff, id)
    await reset(skiff, others[1]!)
    expect(await sh(others[1]!, 'cat /shared')).toBe('shared\n')
  })
})

describe('snapshots on top of each other', () => {
  test('each is a point of its own; none goes while somebody stands on it', async () => {
    const id = await start(skiff, IDLE)
    await skiff.api.post(`/containers/${id}/rename`, undefined, { name: 'tower' })
    for (const floor of ['ground', 'second', 'third']) {
      await sh(id, `echo ${floor} >>/floors`)
      await snapshot(skiff, id, floor, { stop: 1, signal: 'KILL' })
    }
    const floors = () => sh(id, 'cat /floors')
    expect((await skiff.api.get('/snapshots/third')).Parent).toBe('second')
    expect((await skiff.api.get('/snapshots/ground')).UsedBy).toEqual([
      { Kind: 'container', Name: 'tower' },
      { Kind: 'snapshot', Name: 'second' },
      { Kind: 'snapshot', Name: 'third' },
    ])
    await reset(skiff, id, 'ground')
    expect(await floors()).toBe('ground\n')
    await reset(skiff, id, 'third')
    expect(await floors()).toBe('ground\nsecond\nthird\n')
    await reset(skiff, id, 'second')
    await sh(id, 'echo more >>/floors')
    // To where it stands now, not to where it was last.
    expect(await reset(skiff, id)).toEqual({ Snapshot: 'second' })
    expect(await floors()).toBe('ground\nsecond\n')
    expect(await refusal(skiff.api.delete('/snapshots/second'))).toBe(
      '409 conflict: unable to remove snapshot second (must force) - it is in use by container tower, snapshot third',
    )
    await skiff.api.delete('/snapshots/third')
    await skiff.api.delete('/snapshots/second', { force: 1 })
    // Its files are there as long as somebody stands on them.
    await skiff.api.post(`/containers/${id}/restart`, undefined, { t: 0 })
    expect(await floors()).toBe('ground\nsecond\n')
    expect(await refusal(reset(skiff, id))).toBe(
      '409 container tower stands on no snapshot: name the one to go back to (ground)',
    )
    expect(await reset(skiff, id, 'ground')).toEqual({ Snapshot: 'ground' })
    await remove(skiff, id)
    await skiff.api.delete('/snapshots/ground')
    const frozen = async () => (await readdir(join(skiff.dataRoot, 'layers/tree'))).filter(name => name.startsWith('_'))
    expect(await frozen()).toEqual([])
  })

  test('may be as many as mount(2) can name, and one more is refused by name', async () => {
    const id = await ended('echo bottom >/bottom')
    for (let n = 1; n <= 125; n++) await snapshot(skiff, id, `s${n}`)
    expect(await refusal(snapshot(skiff, id, 's126'))).toMatch(/^409 max depth exceeded: 125 snapshots lie on top/)
    expect((await run(skiff, { FromSnapshot: 's125', Image: '', Cmd: ['cat', '/bottom'] })).stdout).toBe('bottom\n')
    expect(await skiff.api.get(`/containers/${id}/changes`)).toEqual([{ Path: '/bottom', Kind: 1 }])
    await remove(skiff, id)
    // The newest first: the others are below it.
    for (const name of await snapshotNames(skiff)) await skiff.api.delete(`/snapshots/${name}`)
  })
})

describe('of a container that runs', () => {
  test('one is taken by a copy, while it is paused', async () => {
    const id = await start(skiff, IDLE)
    await sh(id, 'mkdir /d; echo 1 >/d/one; ln /d/one /d/other; rm /bin/vi; rm -r /usr/sbin; mkdir /usr/sbin')
    const { Pid } = (await inspect(skiff, id)).State
    await snapshot(skiff, id, 'copied', { pause: 1 })
    expect((await inspect(skiff, id)).State).toMatchObject({ Pid, Paused: false, Running: true })
    await sh(id, 'echo 2 >/d/one')
    await skiff.api.post(`/containers/${id}/pause`)
    await snapshot(skiff, id, 'frozen')
    expect((await inspect(skiff, id)).State).toMatchObject({ Pid, Paused: true })
    await skiff.api.post(`/containers/${id}/unpause`)
    await sh(id, 'rm -r /d')
    const look = { Image: '', Cmd: ['sh', '-c', 'cat /d/other; stat -c %h /d/one; ls /usr/sbin; ls /bin/vi 2>&1'] }
    const seen = ['copied', 'frozen'].map(name => run(skiff, { ...look, FromSnapshot: name }))
    const missing = '2\nls: /bin/vi: No such file or directory\n'
    expect((await Promise.all(seen)).map(({ stdout }) => stdout)).toEqual([`1\n${missing}`, `2\n${missing}`])
    await reset(skiff, id, 'copied')
    expect(await sh(id, 'cat /d/one')).toBe('1\n')
  })

  test('none is taken without a word on what shall become of it', async () => {
    const id = await start(skiff, IDLE, 'runs')
    expect(await refusal(snapshot(skiff, id, 'torn'))).toBe(
      '409 container runs runs: stop it first, or have it stopped and started again (--stop), or its files copied while it is paused (--pause)',
    )
    expect(await refusal(snapshot(skiff, id, 'torn', { stop: 1, pause: 1 }))).toBe(
      '400 conflicting options: stop and pause',
    )
    expect(await snapshotNames(skiff)).toEqual([])
  })
})

describe('refused', () => {
  test.each([
    [
      'a name that is taken',
      409,
      'Conflict. The snapshot name "taken" is already in use: remove that one first',
      'taken',
    ],
    ['a bad name', 400, 'Invalid snapshot name (a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed', 'a/b'],
    [
      'a long name',
      400,
      `Invalid snapshot name (${'x'.repeat(129)}), it is longer than 128 characters`,
      'x'.repeat(129),
    ],
  ])('%s', async (_, status, message, name) => {
    const id = await ended('true')
    await snapshot(skiff, id, 'taken')
    expect(await refusal(snapshot(skiff, id, name))).toBe(`${status} ${message}`)
    expect(await snapshotNames(skiff)).toEqual(['taken'])
  })

  test('what is not there, and what does not fit', async () => {
    const id = await ended('echo changed >/changed')
    await skiff.api.post('/commit', undefined, { container: id, repo: 'another' })
    const other = await create(skiff, { ...IDLE, Image: 'another' }, 'other')
    await snapshot(skiff, id, 'of-busybox')
    const missing = '404 No such snapshot: nope'
    expect(await refusal(reset(skiff, id, 'nope'))).toBe(missing)
    expect(await refusal(skiff.api.get('/snapshots/nope'))).toBe(missing)
    expect(await refusal(skiff.api.delete('/snapshots/nope'))).toBe(missing)
    expect(await refusal(create(skiff, { FromSnapshot: 'nope', Image: '' }))).toBe(missing)
    expect(await refusal(reset(skiff, 'nobody'))).toBe('404 No such container: nobody')
    expect(await refusal(reset(skiff, other, 'of-busybox'))).toBe(
      '409 snapshot of-busybox is of another image than container other: busybox',
    )
    expect(await refusal(create(skiff, { FromSnapshot: 'of-busybox', Image: 'another' }))).toBe(
      '400 snapshot of-busybox is of image busybox, not of another',
    )
    await remove(skiff, other)
    await remove(skiff, id)
    await skiff.api.delete('/images/another')
    expect(await refusal(skiff.api.delete('/images/busybox'))).toMatch(
      /^409 conflict: unable to remove repository reference "busybox" \(must force\) - snapshot of-busybox is using/,
    )
  })
})

/** When it began to run is each one's own. */
const withoutUp = (listing: string): string => listing.replace(/^(\.\/(up|ended) .*|.* \.\/(up|ended))\n/gm, '')

const withoutTimes = LISTING.replace(' %Y', '')

async function listArchive(ref: string): Promise<string[]> {
  const { stdout } = await command('sh', ['-c', `"$@" export ${ref} | tar t`, 'sh', ...skiff.command])
  return stdout.split('\n')
}

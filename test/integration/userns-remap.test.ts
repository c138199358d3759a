/** A daemon with userns-remap, as users meet it: root in a container is nobody on the host. */

import { execFile } from 'node:child_process'
import { lstat, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { create, exec, inspect, remove, run, type Spec, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { importBusybox } from '../support/images.ts'
import { archive } from '../support/layer-room.ts'
import { RUN } from '../support/machine.ts'
import { firstSubordinateId, remapping } from '../support/remap.ts'
import { reset, snapshot, startFrom } from '../support/snapshots.ts'

let skiff: Daemon
/** The first of the subordinate ids. */
let first: number

beforeAll(async () => {
  skiff = await startDaemon({ args: await remapping() })
  await importBusybox(skiff)
  first = await firstSubordinateId()
})

const spec = (script: string, host: object = {}, extra: object = {}): Spec => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', script],
  HostConfig: { NetworkMode: 'none', ...host },
  ...extra,
})
const lines = async (...args: Parameters<typeof spec>) => (await run(skiff, spec(...args))).stdout.trim().split('\n')

describe('a container', () => {
  test('is root inside and has subordinate ids outside', async () => {
    expect(await lines('id -u; tail -n1 /proc/self/uid_map | tr -s " "; stat -c %u / /bin/sh')).toEqual([
      '0',
      ` 0 ${first} 65536`,
      '0',
      '0',
    ])
    const id = await start(skiff, spec('sleep 1000'))
    const { State } = await inspect(skiff, id)
    expect((await lstat(`/proc/${State.Pid}`)).uid).toBe(first)
  })

  test('--userns=host leaves one as it is, on the same layers', async () => {
    expect(await lines('tail -n1 /proc/self/uid_map | tr -s " "; stat -c %u /bin/sh', { UsernsMode: 'host' })).toEqual([
      '0 0 4294967295',
      '0',
    ])
  })

  test('that is reset, and one that begins at a snapshot, have their owners', async () => {
    const id = await start(skiff, spec('trap "exit 0" TERM; while :; do sleep 0.02; done'))
    const look = ['sh', '-c', 'cat /one; stat -c "%u %g" /one /two; rm /one && echo removed']
    await exec(skiff, id, ['sh', '-c', 'echo 1 >/one; echo 2 >/two; chown 33:44 /two'])
    await snapshot(skiff, id, 'owned', { stop: 1 })
    await exec(skiff, id, ['rm', '/one', '/two'])
    await reset(skiff, id)
    const other = await startFrom(skiff, 'owned', { HostConfig: { NetworkMode: 'none' } })
    for (const each of [id, other]) expect((await exec(skiff, each, look)).stdout).toBe('1\n0 0\n33 44\nremoved\n')
    for (const each of [id, other]) await remove(skiff, each)
    await skiff.api.delete('/snapshots/owned')
  })

  test('shares its layers with all others: nothing is copied or chowned', async () => {
    const used = async () => (await promisify(execFile)('du', ['-s', join(skiff.dataRoot)])).stdout.split('\t')[0]
    const before = Number(await used())
    const ids = await Promise.all([1, 2, 3].map(() => start(skiff, spec('sleep 1000'))))
    expect(Number(await used()) - before).toBeLessThan(500)
    const [layer = ''] = await readdir(join(skiff.dataRoot, 'layers/tree')).then(names =>
      names.filter(name => name !== '0'),
    )
    expect((await lstat(join(skiff.dataRoot, 'layers/tree', layer, 'bin/busybox'))).uid).toBe(0)
    expect(ids.length).toBe(3)
  })

  test('has a network that it rules, and volumes and files of its own', async () => {
    const script = `ping -c1 -W1 127.0.0.1 | grep -c "1 packets received"; touch /volume/file; stat -c %u /volume /volume/file
      echo 1.2.3.4 added >>/etc/hosts && grep -c added /etc/hosts; touch /tmpfs/x && stat -c "%u" /tmpfs`
    const host = { Mounts: [{ Type: 'volume', Source: 'data', Target: '/volume' }], Tmpfs: { '/tmpfs': 'uid=33' } }
    expect(await lines(script, host)).toEqual(['1', '0', '0', '1', '33'])
    const { Mountpoint } = await skiff.api.get('/volumes/data')
    expect((await lstat(join(Mountpoint, 'file'))).uid).toBe(0)
    expect(await lines('stat -c %u /volume/file', { ...host, UsernsMode: 'host' })).toEqual(['0'])
  })

  test('has no rights over a folder of the host', async () => {
    const folder = await mkdtemp(`/var/tmp/skiff-test-${RUN}-host-`)
    disposeLater(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'secret'), 'x', { mode: 0o600 })
    const script = 'cat /h/secret 2>/dev/null || echo denied; touch /h/new 2>/dev/null || echo denied; stat -c %u /h'
    expect(await lines(script, { Binds: [`${folder}:/h`] })).toEqual(['denied', 'denied', '65534'])
    expect(await lines('cat /h/secret', { Binds: [`${folder}:/h`], UsernsMode: 'host' })).toEqual(['x'])
  })
})

describe('with a container that runs', () => {
  let id: string
  beforeAll(async () => {
    id = await start(skiff, spec('sleep 1000', { NetworkMode: 'bridge' }))
  })

  test('exec has the same ids', async () => {
    expect((await exec(skiff, id, ['sh', '-c', 'id -u; touch /by-exec; stat -c %u /by-exec'])).stdout).toBe('0\n0\n')
    expect((await exec(skiff, id, ['id', '-u'], { User: '33' })).stdout).toBe('33\n')
  })

  test('cp keeps the ids of the container in both directions', async () => {
    const body = await archive([
      { name: 'made/', type: 'directory', uid: 33, gid: 44 },
      { name: 'made/file', content: 'x', uid: 5 },
      { name: 'made/implicit/deep', content: 'x' },
    ])
    const put = await skiff.api.request('PUT', `/containers/${id}/archive`, { query: { path: '/tmp' }, body })
    expect(put.status, put.text).toBe(200)
    const look = 'stat -c "%u %g" /tmp/made /tmp/made/file /tmp/made/implicit'
    expect((await exec(skiff, id, ['sh', '-c', look])).stdout).toBe('33 44\n5 0\n0 0\n')
    const tar = await skiff.api.bytes(`/containers/${id}/archive`, { path: '/tmp/made' })
    const folder = await mkdtemp(`/var/tmp/skiff-test-${RUN}-cp-`)
    disposeLater(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'made.tar'), tar)
    const { stdout } = await promisify(execFile)('tar', ['--numeric-owner', '-tvf', join(folder, 'made.tar')])
    expect(stdout).toMatch(/^drwxr-xr-x 33\/44 .* made\/$/m)
    expect(stdout).toMatch(/ 5\/0 .* made\/file$/m)
  })

  test('commit and diff have the ids of the image', async () => {
    await exec(skiff, id, ['sh', '-c', 'touch /kept && chown 33:44 /kept'])
    await skiff.api.post('/commit', undefined, { container: id, repo: 'committed' })
    expect(await lines('stat -c "%u %g" /kept', {}, { Image: 'committed' })).toEqual(['33 44'])
    const changes = await skiff.api.get(`/containers/${id}/changes`)
    expect(changes).toContainEqual({ Path: '/kept', Kind: 1 })
  })

  test('it is found again by a new daemon, and entered', async () => {
    await skiff.restart()
    expect((await exec(skiff, id, ['id', '-u'])).stdout).toBe('0\n')
    expect((await inspect(skiff, id)).State.Running).toBe(true)
  })
})

test('a terminal belongs to the container', async () => {
  const { stdout } = await run(skiff, spec('tty; stat -c "%u %g" $(tty)', {}, { Tty: true }))
  expect(stdout).toBe('/dev/pts/0\r\n0 5\r\n')
})

describe('refused, in Docker’s words', () => {
  test.each([
    [{ Privileged: true }, /privileged mode is incompatible with user namespaces/],
    [{ NetworkMode: 'host' }, /cannot share the host's network namespace when user namespaces are enabled/],
    [{ PidMode: 'host' }, /cannot share the host PID namespace when user namespaces are enabled/],
  ])('%o', async (host, message) => {
    await expect(create(skiff, spec('true', host))).rejects.toThrow(message)
    const id = await create(skiff, spec('true', { ...host, UsernsMode: 'host' }))
    await skiff.api.delete(`/containers/${id}`)
  })

  test('a user who has no ranges', async () => {
    await expect(startDaemon({ args: ['--userns-remap', 'no-such-user'] })).rejects.toThrow(
      /no such user: "no-such-user"/,
    )
  })
})

test('info says so', async () => {
  expect((await skiff.api.get('/info')).SecurityOptions).toContain('name=userns')
})

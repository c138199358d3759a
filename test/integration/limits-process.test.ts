/** Limits of a process (getrlimit(2)) and of the places that it writes to: shared memory, tmpfs, its log. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { create, exec, remove, run, type Spec, start, wait } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

const MIB = 2 ** 20
/** More than the kernel lets anybody have: /proc/sys/fs/nr_open. */
const IMPOSSIBLE = 2 ** 40

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const shell = (script: string, host: object = {}, spec: object = {}): Spec => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', script],
  HostConfig: { NetworkMode: 'none', ...host },
  ...spec,
})
const ulimit = (Name: string, Soft: number, Hard = Soft) => ({ Ulimits: [{ Name, Soft, Hard }] })

describe('a ulimit', () => {
  it('of files: the one too many is not opened', async () => {
    const { stdout, stderr } = await run(
      skiff,
      shell('exec 7</dev/null; echo seven; exec 8</dev/null; echo eight', ulimit('nofile', 8)),
    )
    expect(stdout).toBe('seven\n')
    expect(stderr).not.toBe('')
  })

  it('of processes: the one too many of a user is not started', async () => {
    // Root is exempt.
    const fork = 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo all'
    const user = { User: '54321:54321' }
    const { stdout, stderr } = await run(skiff, shell(fork, ulimit('nproc', 4), user))
    expect(stdout).toBe('')
    expect(stderr).toMatch(/fork/)
    expect((await run(skiff, shell(`${fork}; kill $(jobs -p)`, ulimit('nproc', 50), user))).stdout).toBe('all\n')
  })

  it('of file size: what is longer is cut off, and who wrote it gets SIGXFSZ', async () => {
    const write = 'dd if=/dev/zero of=/f bs=1k count=100; echo $?; stat -c %s /f'
    const { stdout } = await run(skiff, shell(write, ulimit('fsize', 10_240)))
    expect(stdout).toMatch(/^(153|1)\n10240\n$/)
  })

  it('counts for an exec, too', async () => {
    const id = await start(skiff, shell('sleep 100000', ulimit('nofile', 77, 99)))
    expect((await exec(skiff, id, ['sh', '-c', 'ulimit -n; ulimit -Hn'])).stdout).toBe('77\n99\n')
    await remove(skiff, id)
  })

  it('that cannot be had is an error which names it', async () => {
    const id = await create(skiff, shell('true', ulimit('nofile', IMPOSSIBLE)))
    const answer = await skiff.api.request('POST', `/containers/${id}/start`)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.json.message).toMatch(
      /^cannot set ulimit nofile=1099511627776:.* may not raise a hard limit above \d+/,
    )
    await remove(skiff, id)
    const refused = await skiff.api.request('POST', '/containers/create', {
      body: shell('true', ulimit('nofile', 20, 10)),
    })
    expect(refused).toMatchObject({
      status: 400,
      json: { message: 'ulimit soft limit must be less than or equal to hard limit: 20 > 10' },
    })
  })
})

test('default ulimits that cannot be had are clamped with a warning, and fail nobody', async () => {
  const config = { 'default-ulimits': { nofile: { Name: 'nofile', Soft: IMPOSSIBLE, Hard: IMPOSSIBLE } } }
  const daemon = await startDaemon({ config })
  await importBusybox(daemon)
  const { stdout, exitCode } = await run(daemon, shell('ulimit -Hn'))
  expect(exitCode).toBe(0)
  const most = Number(readFileSync('/proc/sys/fs/nr_open', 'utf8'))
  expect(Number(stdout)).toBeGreaterThan(0)
  expect(Number(stdout)).toBeLessThanOrEqual(most)
  expect(await daemon.log()).toContain('default ulimit nofile is clamped to')
  // Who asks for a smaller one gets that, not the default.
  expect((await run(daemon, shell('ulimit -n; ulimit -Hn', ulimit('nofile', 10, 20)))).stdout).toBe('10\n20\n')
})

describe.each([
  ['--shm-size', '/dev/shm', { ShmSize: MIB }],
  ['--tmpfs size', '/t', { Tmpfs: { '/t': 'size=1m' } }],
  ['--mount tmpfs', '/t', { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: MIB } }] }],
])('%s', (_name, folder, host) => {
  it('is full when it is full', async () => {
    const { stdout, stderr } = await run(
      skiff,
      shell(`dd if=/dev/zero of=${folder}/f bs=64k count=64; stat -c %s ${folder}/f`, host),
    )
    expect(stderr).toContain('No space left on device')
    expect(stdout).toBe(`${MIB}\n`)
  })
})

test('a tmpfs is charged to the container’s memory', async () => {
  const fill = 'dd if=/dev/zero of=/t/f bs=64k count=1024'
  const host = { Memory: 16 * MIB, MemorySwap: 16 * MIB, Tmpfs: { '/t': 'size=64m' } }
  const id = await start(skiff, shell(`exec ${fill}`, host))
  expect(await wait(skiff, id)).toBe(137)
  expect((await skiff.api.get(`/containers/${id}/json`)).State.OOMKilled).toBe(true)
  await remove(skiff, id)
})

test('a log takes no more room than max-size times max-file', async () => {
  const LogConfig = { Type: 'json-file', Config: { 'max-size': '10k', 'max-file': '2' } }
  const id = await start(
    skiff,
    shell('yes 0123456789012345678901234567890123456789 | head -n 20000; echo end', { LogConfig }),
  )
  await wait(skiff, id)
  const folder = join(skiff.dataRoot, 'containers', id)
  const files = readdirSync(folder).filter(name => name.includes('json.log'))
  expect(files).toHaveLength(2)
  // Docker rotates after the line that goes beyond: a line more than the size is allowed.
  for (const name of files) expect(statSync(join(folder, name)).size).toBeLessThan(10 * 1024 + 512)
  const text = await skiff.api.bytes(`/containers/${id}/logs`, { stdout: 1, tail: 1 })
  expect(text.toString()).toContain('end\n')
  await remove(skiff, id)
})

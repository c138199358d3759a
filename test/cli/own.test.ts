/** What only skiff has: explain, image tree, built-in images, flags that it refuses by name, a daemon that it starts itself. */

import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

const run = promisify(execFile)
const SKIFF = fileURLToPath(new URL('../../bin/skiff', import.meta.url))

let skiff: Daemon

beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

describe('explain', () => {
  test('run starts nothing and leaves nothing', async () => {
    const listing = await cliOk(skiff, ['explain', 'run', '--rm', '-e', 'A=1', 'busybox', 'echo', 'hi'])
    expect(listing).toMatch(/pivot_root\("\.", "\."\)/)
    expect(listing).toMatch(/execve\(.*echo.*hi/)
    expect(await cliOk(skiff, ['ps', '-aq'])).toBe('')
    expect(await readdir(`${skiff.dataRoot}/containers`).catch(() => [])).toEqual([])
  })

  test('a container shows what each step answered; --json is JSON, --sh a script that sh accepts', async () => {
    await cliOk(skiff, ['run', '--name', 'explained', 'busybox', 'true'])
    expect(await cliOk(skiff, ['explain', 'explained'])).toMatch(/pivot_root\("\.", "\."\) = 0/)
    const { program } = JSON.parse(await cliOk(skiff, ['explain', '--json', 'explained']))
    expect(program.length).toBeGreaterThan(20)
    expect(await cliOk(skiff, ['explain', '--timing', 'explained'])).toContain(
      `${program.filter((step: { duration_ns: unknown }) => step.duration_ns !== null).length} system calls in`,
    )
    const script = await cliOk(skiff, ['explain', '--sh', 'explained'])
    expect(script).toMatch(/^#!\/bin\/sh\n/)
    await run('sh', ['-n', '-c', script])
    await cliOk(skiff, ['rm', 'explained'])
  })

  test.each([
    [['explain', 'nope'], 'No such container: nope'],
    [['explain', 'a', 'b'], 'takes one container'],
    [['explain', 'run'], 'requires at least 1 argument'],
    [['explain', '--json', '--sh', 'a'], 'conflicting options'],
    [['explain', '--timing', 'run', 'busybox'], '--timing is for a container that was started'],
  ])('%j', async (words, message) => {
    expect(await cli(skiff, words)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) })
  })
})

test('image tree shows the layers from the bottom up', async () => {
  await cliOk(skiff, ['run', '--name', 'changed', 'busybox', 'touch', '/new'])
  await cliOk(skiff, ['commit', 'changed', 'second'])
  const tree = await cliOk(skiff, ['image', 'tree', 'second'])
  expect(tree).toMatch(
    /^second:latest {2}[0-9a-f]{12} {2}\S+ in 2 layers\n├─ .*Imported from -.*\n│ +layer [0-9a-f]{12}, shared with busybox:latest\n│ +\d+ added, 0 changed, 0 deleted\n└─ .*touch \/new/,
  )
  expect(tree).toMatch(/mount -t overlay overlay -o lowerdir=\w+:\w+:0,upperdir=\S+,workdir=\S+ ROOT$/)
  // Seconds pass between the two.
  const timeless = (text: string) => text.replaceAll(/Less than a second|\d+ seconds?/g, 'A MOMENT')
  expect(timeless(await cliOk(skiff, ['explain', 'second']))).toBe(timeless(tree))
  await cliOk(skiff, ['rm', 'changed'])
})

test('image tree tells what each layer does to the ones below, and what is wasted', async () => {
  const step = async (from: string, script: string, to: string) => {
    await cliOk(skiff, ['run', '--name', 'step', '--network', 'none', from, 'sh', '-c', script])
    await cliOk(skiff, ['commit', 'step', to])
    await cliOk(skiff, ['rm', 'step'])
  }
  await step(
    'busybox',
    'mkdir /d; dd if=/dev/zero of=/d/big bs=1000 count=300; echo 1 > /d/small; echo 2 > /gone',
    'one',
  )
  await step('one', 'echo new > /d/small; rm -r /d/big /gone; echo 3 > /added', 'two')
  const { Steps, Mount } = JSON.parse(await cliOk(skiff, ['image', 'tree', '--format', 'json', 'two']))
  const [base, lower, upper] = Steps.map(({ Layer }: { Layer: object }) => Layer)
  expect(base).toMatchObject({ Files: { Changed: 0, Deleted: 0, HiddenBytes: 0 } })
  expect(base.SharedWith.sort()).toEqual(['busybox:latest', 'one:latest', 'second:latest'])
  // d, big, small, gone; of which all but d are hidden.
  expect(lower).toMatchObject({ Files: { Added: 4, Changed: 0, Deleted: 0, HiddenBytes: 300_004 }, Size: 300_004 })
  expect(lower.SharedWith).toEqual(['one:latest'])
  expect(upper).toMatchObject({ Files: { Added: 1, Changed: 1, Deleted: 2, HiddenBytes: 0 }, SharedWith: [] })
  expect(Mount.Options).toMatch(/^lowerdir=\w+:\w+:\w+:0,upperdir=/)
  expect(JSON.parse(await cliOk(skiff, ['explain', '--json', 'two'])).Steps).toHaveLength(3)
  expect(await cli(skiff, ['explain', '--sh', 'two'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('two is an image'),
  })

  const forest = await cliOk(skiff, ['images', '--tree'])
  expect(forest).toMatch(/^└─ [0-9a-f]{12} {2}\S+ {2}busybox:latest\n/)
  expect(forest).toMatch(
    / {3}└─ [0-9a-f]{12} {2}300kB {2}one:latest\n {6}└─ [0-9a-f]{12} {2}\S+ {2}two:latest|│ {2}└─ [0-9a-f]{12} {2}\S+ {2}two:latest/,
  )
  expect(await cli(skiff, ['images', '--tree', '-q'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--quiet is not yet supported with --tree'),
  })
  await cliOk(skiff, ['rmi', 'two', 'one'])
})

test.each([
  [['run', '--gpus', 'all', 'busybox'], '--gpus is not supported by skiff'],
  [['run', '--cpu-count', '2', 'busybox'], '--cpu-count is not supported by skiff'],
  [['run', '--use-api-socket', 'busybox'], '--use-api-socket is not supported by skiff'],
  [['run', '--disable-content-trust=false', 'busybox'], '--disable-content-trust=false is not supported by skiff'],
])('%j is refused by name', async (words, message) => {
  expect(await cli(skiff, words)).toMatchObject({ code: 125, stderr: expect.stringContaining(message) })
})

test.each([
  [['start', '--checkpoint', 'x', 'c'], '--checkpoint is not supported'],
  [['volume', 'ls', '--cluster'], '--cluster is not supported'],
  [['--tls', 'ps'], 'TLS to the daemon'],
  [['--context', 'other', 'ps'], 'contexts are not supported'],
])('%j is refused by name', async (words, message) => {
  expect(await cli(skiff, words)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) })
})

describe('without a daemon', () => {
  /** In namespaces of its own: the default socket, its folders and bridge are nobody else's there. */
  const alone = (script: string) =>
    run('unshare', [
      '-m',
      '-n',
      // Nothing outlives the script: neither a daemon that it ends nor one that was about to give way to it.
      '-p',
      '--mount-proc',
      '--fork',
      '--kill-child',
      'sh',
      '-c',
      `
      set -e; mount --make-rprivate /; for folder in /run /var/lib /var/log /etc/skiff; do mkdir -p $folder; mount -t tmpfs tmpfs $folder; done; ip link set lo up
      echo '{"cgroup-parent": "${skiff.cgroupParent}-alone"}' >/etc/skiff/daemon.json
      unset DOCKER_HOST SKIFF_HOST; skiff=${SKIFF}; ${script}`,
    ]).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    )

  test('one that cannot start says why, with the end of its log', async () => {
    const { code, stdout, stderr } = await alone(`echo '{"nonsense": 1}' >/etc/skiff/daemon.json; "$skiff" ps`)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(
      /cannot start the skiff daemon: exit code 1; its log is \/var\/log\/skiffd\.log:\n.*nonsense/s,
    )
  })

  test('none is started at an address that was given', async () => {
    const { code, stderr } = await alone('"$skiff" -H unix:///run/other.sock ps')
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^Cannot connect to the skiff daemon at unix:\/\/\/run\/other\.sock\. Is the skiff daemon running\?\nhint: start it/,
    )
  })

  test('root gets one, several at once get the same', async () => {
    const { code, stdout, stderr } = await alone(`
      "$skiff" ps -q & "$skiff" ps -q & "$skiff" images -q & wait
      "$skiff" version -f '{{.Server.Version}}'; kill $(cat /run/skiff/*.pid /run/*.pid 2>/dev/null | head -n 1)`)
    // A slow machine is told what it waits for.
    expect(stderr.replaceAll(/^skiff: starting the daemon .*\n/gm, '')).toBe('')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

test('versions', async () => {
  expect(await cliOk(skiff, ['--version'])).toMatch(/^skiff version \d+\.\d+\.\d+, build \S+$/)
  expect(await cliOk(skiff, ['-v'])).toBe(await cliOk(skiff, ['--version']))
})

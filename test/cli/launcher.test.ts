/** The launcher (native/launcher) and the command host: what a user could notice of a command not running where it was typed. */

import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { cli, cliOk, open, openCommand } from '../support/cli.ts'
import type { Daemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { startLaunchedDaemon } from './launched.ts'

/** Where Node cannot be found: what succeeds was run by the launcher. */
const LAUNCHED = { env: { PATH: '/nowhere' } }
const UNDER_NODE = { env: { SKIFF_NO_LAUNCHER: '1' } }

let skiff: Daemon

beforeAll(async () => {
  skiff = await startLaunchedDaemon()
  await importBusybox(skiff)
  await cliOk(skiff, ['run', '-d', '--name', 'idle', 'busybox', 'sleep', '100000'])
})

const shell = (script: string, options = {}) =>
  openCommand(['/bin/sh', '-c', script, 'sh', ...skiff.command], options).result
const stateOf = async (pid: number) => /^State:\t(.)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}

test.each([
  [['ps', '-a', '--format', 'table {{.ID}}\t{{.Names}}\t{{.Command}}']],
  [['--help']],
  [['run', '--help']],
  [['nonsense']],
  [['inspect', 'nope']],
  [['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 42']],
  [['run', '--rm', 'busybox', 'nosuchcommand']],
  [['run', '--memory', 'x', 'busybox']],
  [['ps', '--format', '{{.Nope}}']],
])('%j prints the same bytes as under Node', async words => {
  expect(await cli(skiff, words, LAUNCHED)).toEqual(await cli(skiff, words, UNDER_NODE))
})

test('the environment, the folder and arguments of any bytes arrive', async () => {
  const words = [
    'run',
    '--rm',
    '-e',
    'GIVEN',
    '-e',
    'EMPTY',
    'busybox',
    'sh',
    '-c',
    'echo "$GIVEN|$EMPTY|$1|$2"',
    'x',
    'ä\n€',
    '',
  ]
  const options = { env: { PATH: '/nowhere', GIVEN: 'a=b\nc', EMPTY: '' }, cwd: skiff.folder }
  expect(await cliOk(skiff, words, options)).toBe('a=b\nc||ä\n€|')
  await cliOk(skiff, ['export', '-o', 'here.tar', 'idle'], options)
  expect((await readFile(`${skiff.folder}/here.tar`)).length).toBeGreaterThan(1_000_000)
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: the shell's
test('a large environment passes', async () => {
  const env = { ...LAUNCHED.env, LARGE: 'x'.repeat(120_000) }
  expect(await cliOk(skiff, ['run', '--rm', '-e', 'LARGE', 'busybox', 'sh', '-c', 'echo ${#LARGE}'], { env })).toBe(
    '120000',
  )
})

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: the shell's

test('stdin is left alone by a command that does not read it', async () => {
  const { stdout } = await shell(`printf 'one\\ntwo\\n' | while read line; do "$@" ps -q >/dev/null; echo $line; done`)
  expect(stdout).toBe('one\ntwo\n')
})

test('stdin arrives whole and ends', async () => {
  const stdin = 'x'.repeat(3_000_000)
  const { stdout } = await cli(skiff, ['run', '-i', '--rm', 'busybox', 'wc', '-c'], { ...LAUNCHED, stdin })
  expect(stdout.trim()).toBe('3000000')
})

test('a process that sees other files runs the command itself', async () => {
  expect((await shell('unshare -m "$@" ps -q')).code).toBe(0)
  // And without Node there it cannot.
  const { code } = await shell('unshare=$(command -v unshare); PATH=/nowhere $unshare -m "$@" ps -q')
  expect(code).toBe(127)
  expect((await shell('umask 077; PATH=/nowhere; "$@" ps -q')).code).toBe(127)
})

test('a reader that goes away ends the command by SIGPIPE', async () => {
  const { stdout, stderr } = await shell(`{ "$@" run --name spouting busybox yes; echo $? >&2; } | head -n 1`)
  expect([stdout, stderr]).toEqual(['y\n', '141\n'])
  await cliOk(skiff, ['rm', '-f', 'spouting'])
})

test('a slow reader holds up nobody else', async () => {
  const slow = openCommand([
    '/bin/sh',
    '-c',
    '"$@" exec idle yes | { sleep 3; head -c 1000000 | wc -c; }',
    'sh',
    ...skiff.command,
  ])
  for (let i = 0; i < 20; i++) await cliOk(skiff, ['ps', '-q'], LAUNCHED)
  expect((await slow.result).stdout.trim()).toBe('1000000')
})

/** As a shell starts it. The kernel stops nobody in a group that no one in its session looks after (setpgid(2), "orphaned"). */
const IN_ITS_OWN_GROUP = ['python3', '-c', 'import os, sys; os.setpgid(0, 0); os.execvp(sys.argv[1], sys.argv[1:])']

test('ctrl-z stops it, and it goes on afterwards', async () => {
  const id = await cliOk(skiff, ['run', '-d', 'busybox', 'sh', '-c', 'while :; do date; sleep 0.2; done'])
  try {
    const session = openCommand([...IN_ITS_OWN_GROUP, ...skiff.command, 'logs', '-f', id])
    await session.until(/\n/)
    session.kill('SIGTSTP')
    await until(async () => (await stateOf(session.pid)) === 'T')
    const before = session.shown.length
    session.kill('SIGCONT')
    await until(async () => session.shown.length > before)
    session.kill('SIGINT')
    expect((await session.result).code).toBe(130)
  } finally {
    await cliOk(skiff, ['rm', '-f', id])
  }
})

test('a signal that was ignored before stays so', async () => {
  const { code, stdout } = await shell(
    `trap '' HUP; "$@" run --rm --sig-proxy=false busybox sh -c 'sleep 0.5; echo done' & kill -HUP $!; wait $!`,
  )
  expect([code, stdout]).toEqual([0, 'done\n'])
})

test('when the daemon is killed the command says so and ends', async () => {
  const session = open(skiff, ['logs', '-f', 'idle'])
  await sleep(300)
  await skiff.kill9()
  const { code, stderr } = await session.result
  expect(code).toBe(1)
  expect(stderr).toMatch(/the daemon closed the connection/)
  await skiff.restart()
  expect(await cliOk(skiff, ['ps', '--format', '{{.Names}}'])).toBe('idle')
})

/** What Tab offers: asked as the shells do, and in bash, fish and zsh themselves. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { cliOk, openCommand } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { importBusybox } from '../support/images.ts'
import { SKIFF } from '../support/programs.ts'

let skiff: Daemon
let env: Record<string, string>

beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  env = { SKIFF_HOST: `unix://${skiff.socket}`, PATH: `${dirname(SKIFF)}:${process.env.PATH}` }
  await cliOk(skiff, ['run', '-d', '--name', 'alive', 'busybox', 'sleep', '100000'])
  await cliOk(skiff, ['create', '--name', 'asleep', 'busybox', 'true'])
  await cliOk(skiff, ['tag', 'busybox', 'team/tool:v1'])
  await cliOk(skiff, ['network', 'create', 'front'])
  await cliOk(skiff, ['volume', 'create', 'store'])
  await cliOk(skiff, ['snapshot', 'create', 'asleep', 'point'])
})

async function offered(...words: string[]): Promise<string[]> {
  const { stdout } = await openCommand([SKIFF, '__complete', '--', ...words], { env }).result
  return stdout.split('\n').map(line => line.split('\t')[0] ?? '')
}

describe('offered', () => {
  test.each<[string[], string[], string[]]>([
    [[''], ['run', 'ps', 'network', 'doctor'], ['__complete', 'alive']],
    [['network', ''], ['ls', 'connect'], ['run']],
    [['-H', 'unix:///x', 'vol'], ['volume'], []],
    [['run', '--'], ['--rm', '--network', '--publish'], ['busybox']],
    [['run', ''], ['busybox', 'team/tool:v1'], ['alive']],
    [['run', '--rm', '-it', ''], ['busybox'], []],
    [['run', '--network', ''], ['front', 'bridge'], ['busybox']],
    [['run', '--network='], ['--network=front'], []],
    [['run', '--restart', 'o'], ['on-failure'], []],
    [['run', '--env-file', ''], [':files'], ['busybox']],
    [['run', 'busybox', ''], [':files'], ['busybox']],
    [['exec', ''], ['alive'], ['asleep']],
    [['start', ''], ['asleep'], ['alive']],
    [['rm', 'alive', ''], ['alive', 'asleep'], []],
    [['container', 'rm', ''], ['asleep'], []],
    [['cp', ''], ['alive:', ':files'], []],
    [['network', 'connect', ''], ['front'], ['alive']],
    [['network', 'connect', 'front', ''], ['alive'], []],
    [['volume', 'rm', ''], ['store'], []],
    [['snapshot', ''], ['create', 'inspect', 'ls', 'rm'], []],
    [['snapshot', 'rm', ''], ['point'], ['store']],
    [['snapshot', 'create', ''], ['alive', 'asleep'], ['point']],
    [['reset', 'alive', ''], ['point'], ['alive']],
    [['run', '--from-snapshot', ''], ['point'], ['busybox']],
    [['compose', ''], ['up', 'down'], []],
    [['nonsense', ''], [], ['run']],
  ])('after %j', async (words, included, excluded) => {
    const found = await offered(...words)
    expect(found).toEqual(expect.arrayContaining(included))
    expect(found.filter(value => excluded.includes(value))).toEqual([])
  })

  test('nothing, and no message, without a daemon', async () => {
    const words = [SKIFF, '-H', 'unix:///nowhere/x.sock', '__complete', '--', 'rm', '']
    expect(await openCommand(words).result).toMatchObject({ stdout: '', stderr: '' })
  })
})

/** Runs a script of the shell with the completion loaded, `$COMPLETION` being its file. */
async function inShell(shell: string, script: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'skiff-completion-'))
  disposeLater(() => rm(folder, { recursive: true }))
  const file = join(folder, `skiff.${shell}`)
  await writeFile(file, await cliOk(skiff, ['completion', shell]))
  const words = { bash: ['--norc', '--noprofile'], zsh: ['-f'], fish: ['--no-config'] }[shell] ?? []
  const { stdout, stderr } = await openCommand([shell, ...words, '-c', script], {
    env: { ...env, COMPLETION: file, HOME: folder },
  }).result
  expect(stderr).toBe('')
  return stdout.split('\n').filter(Boolean)
}

describe('bash', () => {
  const complete = (line: string) =>
    inShell(
      'bash',
      `source "$COMPLETION"; compopt() { :; }; COMP_LINE='${line}' COMP_POINT=${line.length}; _skiff; printf '%s\\n' "\${COMPREPLY[@]}"`,
    )

  test('commands, containers, and names with a colon', async () => {
    expect(await complete('skiff netw')).toEqual(['network'])
    expect(await complete('skiff stop ')).toEqual(['alive'])
    expect(await complete('skiff run team/tool:')).toEqual(['v1'])
    expect(await complete('skiff run --network=fr')).toEqual(['front'])
  })
})

test('fish', async () => {
  expect(await inShell('fish', 'source $COMPLETION; complete -C "skiff stop "')).toEqual([
    expect.stringMatching(/^alive\tbusybox, Up/),
  ])
})

test('zsh', async () => {
  const script = `compdef() { :; }; _describe() { print -rl -- $described }; source $COMPLETION
    words=(skiff run 'team/tool') CURRENT=3; _skiff`
  expect(await inShell('zsh', script)).toContain('team/tool\\:v1:')
})

test('an unknown shell is refused by name', async () => {
  expect(await openCommand([SKIFF, 'completion', 'csh'], { env }).result).toMatchObject({
    code: 1,
    stderr: 'unknown shell "csh": it must be bash, zsh or fish\n',
  })
})

/** login, push, pull and logout against a registry with users: by skiff and by docker, on skiff's daemon. */

import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type CliResult, cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { startFakeRegistry } from '../support/fake-registry.ts'
import { importBusybox } from '../support/images.ts'
import { startRegistry } from '../support/registry.ts'

let skiff: Daemon
let docker: Engine
let registry: string
/** Where each keeps its credentials. */
let home: Record<string, string>

// me / secret
const USERS = 'me:$2b$04$EjPqHuAwat9ahDrPL8Dvj.fEG4GOvhppK4pkHizjlW7sMEbpyQVH2'

beforeAll(async () => {
  skiff = await startDaemon()
  docker = { ...skiff, command: ['docker', '-H', `unix://${skiff.socket}`] } as unknown as Engine
  registry = (await startRegistry({ htpasswd: USERS })).host
  home = { DOCKER_CONFIG: join(skiff.folder, 'docker-config'), SKIFF_CONFIG: join(skiff.folder, 'skiff-config') }
  await importBusybox(skiff)
  await cliOk(skiff, ['tag', 'busybox', `${registry}/team/tool:1`])
})

const both = async (words: string[], stdin?: string): Promise<{ docker: CliResult; skiff: CliResult }> => {
  const options = { env: home, ...(stdin !== undefined && { stdin }) }
  return { docker: await cli(docker, words, options), skiff: await cli(skiff, words, options) }
}

test('without credentials nothing goes', async () => {
  const results = await both(['push', `${registry}/team/tool:1`])
  expect(results.skiff).toEqual(results.docker)
  expect(results.skiff.code).toBe(1)
})

test('a wrong password is refused and not kept', async () => {
  const { docker, skiff } = await both(['login', '-u', 'me', '--password-stdin', registry], 'wrong\n')
  expect(skiff).toEqual(docker)
  expect(skiff.code).toBe(1)
  await expect(readFile(join(home.SKIFF_CONFIG ?? '', 'config.json'))).rejects.toThrow('ENOENT')
})

test('login keeps the credentials where only the user can read them', async () => {
  const { docker, skiff } = await both(['login', '-u', 'me', '--password-stdin', registry], 'secret\n')
  expect(skiff.stdout).toContain('Login Succeeded\n')
  expect(docker.stdout).toContain('Login Succeeded\n')
  const file = join(home.SKIFF_CONFIG ?? '', 'config.json')
  const auth = (folder: string | undefined) =>
    readFile(join(folder ?? '', 'config.json'), 'utf8').then(text => JSON.parse(text).auths)
  expect(await auth(home.SKIFF_CONFIG)).toEqual(await auth(home.DOCKER_CONFIG))
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('a non-interactive login uses what is known, and says so when nothing is', async () => {
  const known = await cli(skiff, ['login', registry], { env: home })
  expect(known).toMatchObject({ code: 0, stdout: expect.stringContaining('Login Succeeded') })
  const unknown = await both(['login', 'other.example.com'])
  expect(unknown.skiff).toEqual(unknown.docker)
})

test('push, pull, quiet and with all tags', async () => {
  const name = `${registry}/team/tool`
  for (const words of [
    ['push', `${name}:1`],
    ['push', '-q', `${name}:1`],
    ['pull', `${name}:1`],
    ['pull', '-q', `${name}:1`],
    ['pull', '-a', name],
    ['pull', `${name}:none`],
    ['push', `${name}:none`],
  ]) {
    // What one of them changed, the other finds changed: both start from the pushed image.
    await cli(skiff, ['push', `${name}:1`], { env: home })
    const { docker, skiff: own } = await both(words)
    expect(own).toEqual(docker)
  }
})

test('run pulls what is missing, and shows that on stderr', async () => {
  const image = `${registry}/team/tool:1`
  await cliOk(skiff, ['rmi', '-f', image])
  const { code, stdout, stderr } = await cli(skiff, ['run', '--rm', image, 'echo', 'hi'], { env: home })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'hi\n' })
  expect(stderr).toContain(`Unable to find image '${image}' locally\n`)
  expect(stderr).toContain(`Status: Downloaded newer image for ${image}\n`)
  await cliOk(skiff, ['rmi', '-f', image])
  const never = await cli(skiff, ['run', '--rm', '--pull', 'never', image, 'true'], { env: home })
  expect(never).toMatchObject({ code: 125, stderr: expect.stringContaining('No such image') })
  const quiet = await cli(skiff, ['run', '--rm', '-q', image, 'true'], { env: home })
  expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' })
})

test('on a terminal a layer has one line, which is written over', async () => {
  const name = `${registry}/team/tool`
  await cliOk(skiff, ['push', `${name}:1`], { env: home })
  const screens: Record<string, string[][]> = {}
  for (const engine of [docker, skiff]) {
    const shown: string[][] = []
    for (const words of [
      ['rmi', '-f', `${name}:1`, 'busybox'],
      ['pull', `${name}:1`],
      ['pull', `${name}:1`],
      ['push', `${name}:1`],
    ]) {
      const { stdout } = await cli(engine, words, { env: home, tty: { rows: 40, columns: 120 } })
      if (words[0] !== 'rmi') shown.push(screenAfter(stdout))
    }
    screens[engine === docker ? 'docker' : 'skiff'] = shown
    await importBusybox(skiff)
  }
  expect(screens.skiff).toEqual(screens.docker)
  expect(screens.skiff?.[0]?.[1]).toMatch(/^[0-9a-f]{12}: Pull complete$/)
})

/** What a person sees in the end: cursor movements and erasing are carried out. */
function screenAfter(output: string): string[] {
  const lines = ['']
  let [row, column] = [0, 0]
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's control sequences are what this reads
  for (const [token] of output.matchAll(/\x1b\[[\d;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+/g)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const [, count, letter] = /^\x1b\[(\d*)[\d;?]*([A-Za-z])$/.exec(token) ?? []
    if (token === '\r') column = 0
    else if (token === '\n') lines[++row] ??= ''
    else if (letter === 'A') row = Math.max(row - Number(count || 1), 0)
    else if (letter === 'B') row += Number(count || 1)
    else if (letter === 'K') lines[row] = ''
    else if (letter === undefined) {
      const line = (lines[row] ?? '').padEnd(column)
      lines[row] = line.slice(0, column) + token + line.slice(column + token.length)
      column += token.length
    }
  }
  return lines.map(line => line.trimEnd()).filter(line => line !== '')
}

test('a credential helper keeps them in its place, and never sees them in its arguments', async () => {
  const folder = join(skiff.folder, 'helpers')
  await mkdir(folder, { recursive: true })
  // Keeps what it is given in a file beside it, and notes how it was called.
  const script = `#!/bin/sh
    cd "$(dirname "$0")"; echo "$*" >>calls
    case $1 in
      store) cat >kept ;;
      get) cat >asked; [ -e kept ] && cat kept || { echo credentials not found in native keychain; exit 1; } ;;
      erase) cat >/dev/null; rm -f kept ;;
    esac\n`
  await writeFile(join(folder, 'docker-credential-test'), script, { mode: 0o755 })
  const config = join(folder, 'config')
  await mkdir(config)
  await writeFile(join(config, 'config.json'), JSON.stringify({ credsStore: 'test' }))
  const env = { SKIFF_CONFIG: config, DOCKER_CONFIG: config, PATH: `${folder}:${process.env.PATH}` }
  const login = await cli(skiff, ['login', '-u', 'me', '--password-stdin', registry], { env, stdin: 'secret\n' })
  expect(login).toEqual({ code: 0, stdout: 'Login Succeeded\n', stderr: '' })
  expect(JSON.parse(await readFile(join(folder, 'kept'), 'utf8'))).toEqual({
    ServerURL: registry,
    Username: 'me',
    Secret: 'secret',
  })
  expect(await readFile(join(config, 'config.json'), 'utf8')).not.toMatch(/secret|bWU6/)
  await cliOk(skiff, ['push', `${registry}/team/tool:1`], { env })
  // What skiff has stored docker finds.
  expect((await cli(docker, ['push', '-q', `${registry}/team/tool:1`], { env })).code).toBe(0)
  expect(await cli(skiff, ['logout', registry], { env })).toMatchObject({ code: 0 })
  await expect(readFile(join(folder, 'kept'))).rejects.toThrow('ENOENT')
  expect((await cli(skiff, ['push', `${registry}/team/tool:1`], { env })).code).toBe(1)
  expect(await readFile(join(folder, 'calls'), 'utf8')).not.toContain('secret')
})

test('search: filters, a limit, whole descriptions, and the flags of old', async () => {
  const index = await startFakeRegistry()
  const long = `What it is good for, ${'and for what else, '.repeat(5)}in many words`
  index.intercept = ({ url }, response) => {
    if (!url?.startsWith('/v1/search')) return false
    const limit = Number(new URL(url, 'http://x').searchParams.get('n'))
    const results = [
      { name: 'team/one', description: long, star_count: 3, is_official: false, is_automated: true },
      { name: 'two', description: 'short', star_count: 30, is_official: true, is_automated: false },
    ]
    response.end(JSON.stringify({ results: results.slice(0, limit) }))
    return true
  }
  const term = `${index.host}/tool`
  for (const words of [
    ['search', term],
    ['search', '--no-trunc', term],
    ['search', '--limit', '1', term],
    ['search', '--limit', '200', term],
    ['search', '--limit', '-1', term],
    ['search', '--filter', 'is-official=maybe', term],
    ['search', '--filter', 'stars=10', term],
    ['search', '--filter', 'is-official=true', term],
    ['search', '--filter', 'is-official=false', '--filter', 'stars=1', term],
    ['search', '--filter', 'nonsense=1', term],
    ['search', '--format', '{{.Name}} {{.StarCount}} {{.IsOfficial}}', term],
    ['search', '--format', 'json', term],
  ]) {
    const { docker, skiff } = await both(words)
    expect({ words, code: skiff.code, stdout: skiff.stdout }).toEqual({
      words,
      code: docker.code,
      stdout: docker.stdout,
    })
  }
  // Docker has taken these away; scripts of old have them.
  expect(await cliOk(skiff, ['search', '-s', '10', '--format', '{{.Name}}', term])).toBe('two')
  expect(await cliOk(skiff, ['search', '--stars=10', '--format', '{{.Name}}', term])).toBe('two')
  expect(await cliOk(skiff, ['search', '--automated', '--format', '{{.Name}}', term])).toBe('team/one')
})

test('logout forgets', async () => {
  const { docker, skiff } = await both(['logout', registry])
  expect(skiff).toEqual(docker)
  expect(JSON.parse(await readFile(join(home.SKIFF_CONFIG ?? '', 'config.json'), 'utf8')).auths).toEqual({})
})

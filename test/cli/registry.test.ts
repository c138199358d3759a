/** login, push, pull and logout against a registry with users: by skiff and by docker, on skiff's daemon. */

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type CliResult, cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { startRegistry } from './registry.ts'

let skiff: Daemon
let docker: Engine
let registry: string
/** Where each keeps its credentials. */
let home: Record<string, string>

// me / secret
const USERS = 'me:$2b$04$EjPqHuAwat9ahDrPL8Dvj.fEG4GOvhppK4pkHizjlW7sMEbpyQVH2\n'

beforeAll(async () => {
  skiff = await startDaemon()
  docker = { ...skiff, command: ['docker', '-H', `unix://${skiff.socket}`] } as unknown as Engine
  registry = await startRegistry(skiff.folder, USERS)
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

test('logout forgets', async () => {
  const { docker, skiff } = await both(['logout', registry])
  expect(skiff).toEqual(docker)
  expect(JSON.parse(await readFile(join(home.SKIFF_CONFIG ?? '', 'config.json'), 'utf8')).auths).toEqual({})
})

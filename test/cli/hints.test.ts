/** What skiff says after famous failures: what was meant, who stands in the way, what to do. */

import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { importBusybox } from '../support/images.ts'
import { SKIFF } from '../support/programs.ts'

const HINTS = { DOCKER_CLI_HINTS: 'true' }

let skiff: Daemon
/** Programs that cannot be executed, each in its own way. */
let programs: string

beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  await cliOk(skiff, ['network', 'create', 'backend'])
  const where = ['--network', 'backend', '-v', 'store:/data', '-p', '127.0.0.1::80']
  await cliOk(skiff, ['run', '-d', '--name', 'webshop', ...where, 'busybox', 'sleep', '1000'])
  await cliOk(skiff, ['snapshot', 'create', '--pause', 'webshop', 'before'])
  programs = await mkdtemp(join(tmpdir(), 'skiff-hints-'))
  disposeLater(() => rm(programs, { recursive: true }))
  await writeFile(join(programs, 'closed'), '#!/bin/sh\n', { mode: 0o644 })
  await writeFile(join(programs, 'foreign'), 'no program', { mode: 0o755 })
})

async function hintsOf(words: string[], env: Record<string, string> = {}): Promise<string[]> {
  const { code, stderr } = await cli(skiff, words, { env: { ...HINTS, ...env } })
  expect(code).not.toBe(0)
  return stderr.split('\n').filter(line => line.startsWith('hint: '))
}

describe('a name like another', () => {
  test.each([
    [['exec', 'webshpo', 'ls'], 'webshop'],
    [['rm', 'webshp'], 'webshop'],
    [['logs', 'websop'], 'webshop'],
    [['start', 'wepshop'], 'webshop'],
    [['cp', 'webshopp:/x', '.'], 'webshop'],
    [['inspect', 'webshoop'], 'webshop'],
    [['rmi', 'busbox'], 'busybox'],
    [['history', 'bsuybox'], 'busybox'],
    [['run', '--rm', '--pull', 'never', 'hots', 'true'], 'host'],
    [['run', '--rm', '--network', 'backedn', 'busybox', 'true'], 'backend'],
    [['network', 'rm', 'bakcend'], 'backend'],
    [['volume', 'inspect', 'stroe'], 'store'],
    [['volume', 'rm', 'sotre'], 'store'],
    [['snapshot', 'rm', 'befor'], 'before'],
  ])('%j', async (words, meant) => {
    expect(await hintsOf(words)).toEqual([`hint: did you mean ${meant}?`])
  })

  test('nothing is suggested for one that is like no other', async () => {
    expect(await hintsOf(['rm', 'kubernetes'])).toEqual([])
  })

  test('an image that is missing here and cannot be pulled', async () => {
    // Nobody listens on port 1.
    expect(await hintsOf(['run', '--rm', '127.0.0.1:1/busybox', 'true'])).toEqual([
      expect.stringMatching(/^hint: the registry cannot be reached from here\. The images host and hello need none;/),
    ])
    await cliOk(skiff, ['tag', 'busybox', '127.0.0.1:1/tools/busybox'])
    expect(await hintsOf(['run', '--rm', '127.0.0.1:1/tools/busbox', 'true'])).toEqual([
      'hint: did you mean 127.0.0.1:1/tools/busybox?',
      expect.stringContaining('the registry cannot be reached'),
    ])
    await cliOk(skiff, ['rmi', '127.0.0.1:1/tools/busybox'])
  })
})

describe('a port that is taken', () => {
  test('by a container', async () => {
    const port = (await cliOk(skiff, ['port', 'webshop', '80'])).split(':').at(-1)
    expect(await hintsOf(['run', '--rm', '-p', `127.0.0.1:${port}:80`, 'busybox', 'true'])).toEqual([
      `hint: the container webshop publishes port ${port}: stop it, or publish another port`,
    ])
  })

  test('by another process, which is named with its number', async () => {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const [hint] = await hintsOf(['run', '--rm', '-p', `127.0.0.1:${port}:80`, 'busybox', 'true'])
    expect(hint).toMatch(
      new RegExp(`^hint: .+ \\(pid ${process.pid}\\) has port ${port}: stop it, or publish another port$`),
    )
    await new Promise(resolve => server.close(resolve))
  })
})

test('what is in use, and by whom', async () => {
  expect(await hintsOf(['run', '--name', 'webshop', 'busybox', 'true'])).toEqual([
    'hint: skiff start webshop runs it again, skiff rm -f webshop removes it',
  ])
  expect(await hintsOf(['network', 'rm', 'backend'])).toEqual([
    'hint: connected: webshop. skiff network disconnect takes one off, skiff rm -f removes it',
  ])
  expect(await hintsOf(['volume', 'rm', 'store'])).toEqual([
    'hint: used by: webshop. skiff rm -f removes a container, its volumes stay',
  ])
})

test('a program that cannot be executed', async () => {
  const run = (name: string) => hintsOf(['run', '--rm', '-v', `${programs}:/programs`, 'busybox', `/programs/${name}`])
  expect(await run('foreign')).toEqual([expect.stringContaining('for another kind of machine')])
  expect(await run('closed')).toEqual([expect.stringContaining('/programs/closed is not executable: chmod +x')])
})

test('no daemon', async () => {
  const { code, stderr } = await cli({ ...skiff, command: [SKIFF] } as unknown as Daemon, ['ps'], {
    env: { ...HINTS, SKIFF_HOST: `unix://${skiff.folder}/nobody.sock` },
  })
  expect(stderr).toMatch(
    /Is the skiff daemon running\?\nhint: start it with: systemctl start skiffd, or, without systemd: skiffd\n$/,
  )
  expect(code).toBe(1)
})

test('a socket that is not for everybody', async () => {
  const command = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...skiff.command]
  // Whoever may not even see it is not told that it may not be opened.
  await chmod(skiff.folder, 0o755)
  const refused = () => cli({ ...skiff, command } as unknown as Daemon, ['ps'], { env: HINTS })
  expect((await refused()).stderr).toMatch(/permission denied.*\nhint: run it as root: sudo skiff …\n$/)
  execFileSync('chgrp', ['games', skiff.socket])
  expect((await refused()).stderr).toContain(
    '\nhint: members of the group games may: sudo usermod -aG games $USER, then log in again. Or: sudo skiff …\n',
  )
})

test("docker's own variable leaves them out", async () => {
  expect(await hintsOf(['rm', 'webshp'], { DOCKER_CLI_HINTS: 'false' })).toEqual([])
})

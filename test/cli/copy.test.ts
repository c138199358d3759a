/** cp by docker and by skiff, the same words in folders of the same content: the same trees come of it. */

import { execFile } from 'node:child_process'
import { cp as copyTree, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cli, cliOk, openCommand } from '../support/cli.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { bySkiff } from './both.ts'

const run = promisify(execFile)

let engine: Engine
let folder: string

beforeAll(async () => {
  engine = await startReferenceEngine()
  await importBusybox(engine)
  folder = await mkdtemp(join(tmpdir(), 'skiff-cp-'))
  const local = join(folder, 'template')
  await mkdir(join(local, 'dir', 'sub'), { recursive: true })
  await mkdir(join(local, 'target'))
  await writeFile(join(local, 'file'), 'local file\n', { mode: 0o640 })
  await writeFile(join(local, 'dir', 'a'), 'a\n')
  await writeFile(join(local, 'dir', 'sub', 'large'), 'x'.repeat(700_000))
  await writeFile(join(local, 'target', 'kept'), 'kept\n')
  await symlink('dir', join(local, 'link-to-dir'))
  await symlink('file', join(local, 'link-to-file'))
  await symlink('nowhere', join(local, 'dangling'))
})
afterAll(() => rm(folder, { recursive: true }))

const PREPARE = `
  mkdir -p /d/sub /t; echo f >/d/f; echo g >/d/sub/g; chmod 600 /d/f; chmod 711 /d/sub; chown 5:6 /d/f
  ln -s f /d/l; ln -s /d/sub /ld; ln -s /none /dangling; echo old >/t/old; ln /d/f /d/hard; exec sleep 1000`

/** A container and a local folder of its own for each client; what both have after the words. */
async function after(client: Engine, words: readonly string[], stdin?: string) {
  const name = `${client.command[0] === 'docker' ? 'docker' : 'skiff'}-cp`
  const cwd = await mkdtemp(join(folder, 'work-'))
  await copyTree(join(folder, 'template'), cwd, { recursive: true, verbatimSymlinks: true })
  await cliOk(engine, ['run', '-d', '--name', name, 'busybox', 'sh', '-c', PREPARE])
  await openCommand([
    'sh',
    '-c',
    `until "$@"; do :; done`,
    'sh',
    ...engine.command,
    'exec',
    name,
    'test',
    '-e',
    '/d/hard',
  ]).result
  try {
    const result = await cli(
      client,
      words.map(word => word.replace('C:', `${name}:`)),
      { cwd, ...(stdin !== undefined && { stdin }) },
    )
    const list =
      "find . -mindepth 1 -exec stat -c '%n %F %a %s %h' {} + | sort; find . -type l | sort | while read l; do readlink $l; done"
    const here = (await run('sh', ['-c', `umask 022; ${list}; cat file new target/* 2>/dev/null; true`], { cwd }))
      .stdout
    const owned =
      'cd / && find d t tmp ld new n ./etc/passwd ./file 2>/dev/null | sort | xargs stat -c "%n %F %a %u:%g %s"; cat /new /d/f /t/* 2>/dev/null; true'
    const there = await cliOk(engine, ['exec', name, 'sh', '-c', owned])
    const text = (all: string) =>
      all
        .replaceAll(cwd, 'CWD')
        .replaceAll(name, 'C')
        .replaceAll(/[0-9a-f]{64}/g, 'ID')
        // Docker logs that it stops reading what it does not send.
        .replaceAll(/^time=.*\n/gm, '')
        .replaceAll(/docker/gi, 'skiff')
    return {
      code: result.code,
      stderr: text(result.stderr),
      stdout: result.stdout.length,
      here: text(here),
      there: text(there),
    }
  } finally {
    await cliOk(engine, ['rm', '-f', name])
  }
}

const OUT = [
  'C:/d/f .',
  'C:/d/f new',
  'C:/d/f file',
  'C:/d/f target',
  'C:/d/f target/',
  'C:/d/f none/',
  'C:/d/f none/x',
  'C:/d .',
  'C:/d new',
  'C:/d target',
  'C:/d/. target',
  'C:/d/. new',
  'C:/d file',
  'C:/d/l .',
  '-L C:/d/l .',
  'C:/ld .',
  'C:/ld/ target',
  'C:/ld/. target',
  '-L C:/ld new',
  'C:/dangling .',
  'C:/none .',
  'C:/d/f/ .',
  'C:d/f new',
  'C:/d/f link-to-file',
  'C:/d/f link-to-dir',
  'C:/d link-to-dir',
  'C:/d/f dangling',
  'C:/d -',
  'C:/none -',
  '-a C:/d new',
]
const IN = [
  'file C:/',
  'file C:/new',
  'file C:/d/f',
  'file C:/t',
  'file C:/t/',
  'file C:/none/',
  'file C:/none/x',
  'dir C:/t',
  'dir C:/new',
  'dir/. C:/t',
  'dir/. C:/new',
  'dir C:/d/f',
  'dir/ C:/t',
  'link-to-file C:/t',
  '-L link-to-file C:/t',
  'link-to-dir C:/t',
  'link-to-dir/. C:/t',
  '-L link-to-dir C:/t',
  'dangling C:/t',
  'none C:/t',
  'file/ C:/t',
  'file C:t/x',
  'file C:/ld',
  'file C:/ld/x',
  'dir C:/ld',
  'file C:/dangling',
  '-a file C:/t',
  'dir C:/tmp/a/b',
]

test.each([...OUT, ...IN])('cp %s', async line => {
  const words = ['cp', ...line.split(' ')]
  const docker = await after(engine, words)
  const skiff = await after(bySkiff(engine), words)
  expect(skiff).toEqual(docker)
})

test('cp - unpacks what comes on stdin', async () => {
  const { stdout } = await run('tar', ['-C', join(folder, 'template'), '-cf', '-', 'dir'], { encoding: 'buffer' })
  for (const words of [
    ['cp', '-', 'C:/t'],
    ['cp', '-', 'C:/d/f'],
    ['cp', '-', 'C:/none'],
  ]) {
    const archive = stdout.toString('latin1')
    expect(await after(bySkiff(engine), words, archive)).toEqual(await after(engine, words, archive))
  }
})

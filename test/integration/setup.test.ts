/** bin/skiff on a fresh clone: it sets itself up, once, and says what is missing. */

import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliOptions, type CliResult, openCommand } from '../support/cli.ts'
import { RUN } from '../support/machine.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-setup-`))
  // mkdtemp makes it private; one test comes as another user.
  await chmod(folder, 0o755)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The sources as git has or would have them: no dependency, nothing built. */
async function clone(name: string): Promise<string> {
  const target = join(folder, name)
  await mkdir(target)
  const copy =
    'git -C "$1" ls-files -z -co --exclude-standard --deduplicate | tar -C "$1" --null --ignore-failed-read -T - -c | tar -x -C "$2"'
  await run('sh', ['-c', copy, 'sh', ROOT, target])
  return target
}

async function command(words: string[], options: CliOptions = {}): Promise<CliResult> {
  const session = openCommand(words, options)
  session.end()
  return session.result
}

/** A PATH on which some programs are missing, and some are replaced by a script. */
async function pathWith(
  name: string,
  { without = [], replaced = {} }: { without?: string[]; replaced?: Record<string, string> },
): Promise<string> {
  const bin = join(folder, name)
  await mkdir(bin)
  for (const place of (process.env.PATH ?? '').split(':')) {
    for (const program of await readdir(place).catch(() => [])) {
      if (without.includes(program) || program in replaced) continue
      // EEXIST: an earlier folder of the PATH has it, and wins.
      await symlink(join(place, program), join(bin, program)).catch(() => undefined)
    }
  }
  for (const [program, script] of Object.entries(replaced))
    await writeFile(join(bin, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return bin
}

describe('what is missing is named, with its packages', () => {
  let source: string
  beforeAll(async () => {
    source = await clone('poor')
  })

  const cases: [what: string, path: Parameters<typeof pathWith>[1], message: RegExp][] = [
    ['a compiler', { without: ['cc'] }, /needs a C compiler \(Debian and CentOS: package gcc\)/],
    ['make', { without: ['make'] }, /needs make \(Debian and CentOS: package make\)/],
    [
      'the static C library',
      { replaced: { cc: 'for word; do [ "$word" != -static ] || exit 1; done' } },
      /CentOS: glibc-static/,
    ],
    ['Node', { without: ['node'] }, /needs Node\.js 20\.19 or newer/],
    [
      'a newer Node',
      { replaced: { node: '[ "$1" != --version ] || echo v18.20.4; exit 1' } },
      /needs Node\.js 20\.19 or newer; .* is v18\.20\.4/,
    ],
    [
      'a newer kernel',
      { replaced: { uname: '[ "$1" = -r ] && echo 5.10.0-28-amd64 || echo Linux' } },
      /needs Linux 5\.14 or newer; this is Linux 5\.10\.0/,
    ],
    [
      'libraries',
      { replaced: { ldconfig: 'exit 0' } },
      /needs libseccomp\.so\.2 \(Debian: package libseccomp2; CentOS: libseccomp\)[\s\S]*needs libnftables\.so\.1/,
    ],
  ]
  test.each(cases)('%s', async (what, path, message) => {
    const bin = await pathWith(`path-${what.replaceAll(' ', '-')}`, path)
    const { code, stderr } = await command(['/bin/sh', join(source, 'bin/skiff'), 'version'], { env: { PATH: bin } })
    expect(stderr).toMatch(message)
    expect(code).toBe(125)
  })

  test('a folder that may not be written to', async () => {
    const { code, stderr } = await command([
      'setpriv',
      '--reuid=65534',
      '--clear-groups',
      join(source, 'bin/skiff'),
      'version',
    ])
    expect(stderr).toMatch(/run this once as root/)
    expect(code).toBe(125)
  })
})

test('two starters on a fresh clone set it up once; after that nothing is done again', {
  timeout: 300_000,
}, async () => {
  const source = await clone('fresh')
  const starter = join(folder, 'skiff-by-another-name')
  await symlink(join(source, 'bin/skiff'), starter)
  const [direct, linked] = await Promise.all([
    command([join(source, 'bin/skiff'), '--version'], { cwd: '/' }),
    command([starter, '--version'], { cwd: folder }),
  ])
  expect([direct.code, linked.code]).toEqual([0, 0])
  expect(direct.stdout).toMatch(/^skiff version \d/i)
  expect(linked.stdout).toBe(direct.stdout)
  expect(`${direct.stderr}${linked.stderr}`.match(/compiling/g)).toHaveLength(1)

  const built = await stat(join(source, 'build/complete'))
  expect(await command(['sh', 'skiff', '--version'], { cwd: join(source, 'bin') })).toEqual({
    code: 0,
    stdout: direct.stdout,
    stderr: '',
  })
  expect((await stat(join(source, 'build/complete'))).mtimeMs).toBe(built.mtimeMs)
})

test('npm pack makes a package that npm install -g installs and that runs', { timeout: 300_000 }, async () => {
  // Built above: packing builds nothing a second time.
  const source = join(folder, 'fresh')
  const target = join(folder, 'global')
  const packed = await command(['npm', 'pack', '--pack-destination', folder], { cwd: source })
  const archive = packed.stdout.trim().split('\n').at(-1) ?? ''
  const words = ['npm', 'install', '-g', '--prefer-offline', '--no-audit', '--no-fund', '--prefix', target]
  expect((await command([...words, join(folder, archive)])).code).toBe(0)
  const root = join(folder, 'root')
  const socket = `unix://${join(root, 's.sock')}`
  const script = `
    "$1/skiff" --version
    "$1/skiffd" --data-root "$2/data" --exec-root "$2/exec" --bridge none -p "$2/pid" -H ${socket} --cgroup-parent /skiff-test-${RUN}-pack 2>"$2.log" &
    while ! "$1/skiff" -H ${socket} ps -q 2>/dev/null; do kill -0 $! || { cat "$2.log"; exit 1; }; sleep 0.2; done
    "$1/skiff" -H ${socket} run --rm --network none host echo from the package
    kill $!; wait $!`
  const { stdout, code } = await command(['sh', '-uc', script, 'sh', join(target, 'bin'), root], { cwd: '/' })
  expect(stdout).toMatch(/^skiff version \d[^\n]*\nfrom the package\n$/i)
  expect(code).toBe(0)
  await Promise.all(
    (await readdir('/sys/fs/cgroup')).map(name =>
      rmdir(`/sys/fs/cgroup/${name}/skiff-test-${RUN}-pack`).catch(() => undefined),
    ),
  )
})

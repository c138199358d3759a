/**
 * The README, the tutorial and the study guide: every command that they show is run, and prints what they show. The Chinese
 * documents show the same commands. `SKIFF_DOCS=show npx vitest run test/docs` prints what each command printed, for who writes.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { freePort } from '../cli/free-port.ts'
import { startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { type Fixture, fixture } from '../support/images.ts'
import { SKIFF } from '../support/programs.ts'
import { matches, type Step, stepsOf } from './document.ts'
import { Shell } from './shell.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const DOCUMENTS = [
  'README.md',
  'docs/tutorial.md',
  'docs/limits.md',
  'docs/snapshots.md',
  'docs/study/1-container.md',
  'docs/study/2-namespaces.md',
  'docs/study/3-cgroups.md',
  'docs/study/4-layers.md',
  'docs/study/5-images.md',
  'docs/study/6-networks.md',
  'docs/study/7-security.md',
  'docs/study/8-exec.md',
  'docs/study/9-by-hand.md',
  'docs/study/10-speed.md',
]

/** Not run, but held to show what the document on the right shows. */
const TRANSLATIONS: Record<string, string> = {
  'README.zh-CN.md': 'README.md',
  'docs/tutorial.zh-CN.md': 'docs/tutorial.md',
}

/** Without commands of its own. */
const INDEX = 'docs/study/README.md'

/** What a document publishes on the host: on a machine that is shared, free ports take their place. */
const PORTS = ['8080', '8081', '8082', '8083', '5000', '6380', '3307']

/** The archives that a reader has at hand. */
const ARCHIVES: readonly Fixture[] = ['busybox.tar', 'debian.tar', 'services.tar', 'java.tar']

const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')

const steps = (name: string): Step[] => stepsOf(read(name))

/** A reader's folder, with root file systems to import, and a daemon that is only theirs. */
async function readersShell(): Promise<Shell> {
  const daemon = await startDaemon()
  const folder = await mkdtemp(join(tmpdir(), 'skiff-docs-'))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  const home = join(folder, 'home')
  const work = join(home, 'work')
  await mkdir(work, { recursive: true })
  for (const archive of ARCHIVES) await symlink(await fixture(archive), join(work, archive))
  const shell = new Shell({
    cwd: work,
    env: {
      ...process.env,
      HOME: home,
      PATH: `${dirname(SKIFF)}:${process.env.PATH}`,
      SKIFF_HOST: `unix://${daemon.socket}`,
      DOCKER_HOST: `unix://${daemon.socket}`,
      DOCKER_CONFIG: home,
    },
  })
  disposeLater(() => shell.close())
  return shell
}

/** Other ports in the place of those that a document names, in what is typed and in what is shown. */
async function withFreePorts(name: string): Promise<(text: string) => string> {
  const text = read(name)
  const named = PORTS.filter(port => new RegExp(`\\b${port}\\b`).test(text))
  const free = new Map<string, number>()
  for (const port of named) free.set(port, await freePort())
  // On the host's side alone: what a server in a container listens on is its own affair.
  return line =>
    line.replaceAll(/(?<=127\.0\.0\.1(?::| \. tcp \. | -P )|port )\d{4}(?![\w.])/g, port =>
      String(free.get(port) ?? port),
    )
}

test('every document is listed', () => {
  const inFolder = (folder: string, wanted: RegExp) =>
    readdirSync(join(ROOT, folder))
      .filter(name => wanted.test(name))
      .map(name => join(folder, name))
  const found = [
    ...inFolder('.', /^README.*\.md$/),
    ...inFolder('docs', /^(tutorial.*|limits|snapshots)\.md$/),
    ...inFolder('docs/study', /\.md$/),
  ]
  expect([...DOCUMENTS, ...Object.keys(TRANSLATIONS), INDEX].sort()).toEqual(found.sort())
})

test.each(Object.entries(TRANSLATIONS))('%s shows the commands of %s', (translation, original) => {
  const shown = (name: string) =>
    steps(name).map(({ command, expected, exitCode }) => ({ command, expected, exitCode }))
  expect(shown(translation)).toEqual(shown(original))
})

describe.each(DOCUMENTS)('%s', name => {
  test('shows what its commands print', { timeout: 300_000 }, async () => {
    const shell = await readersShell()
    const free = await withFreePorts(name)
    expect(steps(name).length).toBeGreaterThan(0)
    for (const { command, expected, exitCode, line } of steps(name)) {
      const printed = await shell.run(free(command))
      const shown = expected.map(free)
      const same = matches(shown, printed.output) && printed.exitCode === exitCode
      if (process.env.SKIFF_DOCS === 'show') {
        const exit = printed.exitCode === 0 ? '' : `[exit ${printed.exitCode}]`
        console.log(`${same ? '' : 'DIFFERS: '}$ ${command}\n${printed.output}${exit}`)
      } else if (!same) {
        const where = `${name}:${line}: $ ${command}`
        expect([where, ...printed.output.split('\n'), printed.exitCode]).toEqual([where, ...shown, exitCode])
      }
    }
  })
})

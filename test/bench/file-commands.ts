/** Commands about images and files, as users type them: build, load, commit, export, cp; each from its start to its end. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '../support/engine.ts'
import { fixture } from '../support/images.ts'
import { RUN } from '../support/machine.ts'
import { FILES } from './build.ts'
import type { Job } from './jobs.ts'
import { makeWritten, removeImage, removeWritten, WRITTEN } from './layer-jobs.ts'
import { time } from './stopwatch.ts'

/** Of each engine: what it builds of, and where it writes to. On a disk. */
const folders = new Map<Engine, string>()

const command = (engine: Engine, ...args: string[]): number =>
  time([...engine.command, ...args], { cwd: folders.get(engine) }).ms

async function makeFolder(engine: Engine): Promise<void> {
  const folder = await mkdtemp(`/var/tmp/skiff-test-${RUN}-files-`)
  folders.set(engine, folder)
  for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, name), content)
}

const removeFolder = (engine: Engine): Promise<void> => rm(folders.get(engine) ?? '', { recursive: true, force: true })

const build = (engine: Engine, ...options: string[]): number =>
  command(engine, 'build', '--network', 'none', '-q', '-t', 'typed', ...options, '.')

const builds: Job[] = [
  {
    name: '`build`: FROM, 3 RUN, COPY, without cache',
    share: 0.5,
    prepare: makeFolder,
    run: async engine => build(engine, '--no-cache'),
    finish: removeFolder,
  },
  {
    name: '`build`: the same, all cached',
    share: 1,
    async prepare(engine) {
      await makeFolder(engine)
      build(engine)
    },
    run: async engine => build(engine),
    finish: removeFolder,
  },
]

const archives: Job[] = [
  {
    name: '`load` of debian-image.tar (116 MB)',
    share: 0.25,
    before: engine => removeImage(engine, 'debian:bookworm'),
    run: async engine => command(engine, 'load', '-q', '-i', await fixture('debian-image.tar')),
    finish: engine => removeImage(engine, 'debian:bookworm'),
  },
  {
    name: '`export` of a container (176 MB)',
    share: 0.25,
    async prepare(engine) {
      await makeFolder(engine)
      await makeWritten(engine)
    },
    run: async engine => command(engine, 'export', '-o', 'exported.tar', WRITTEN),
    finish: removeFolder,
  },
  {
    name: '`cp` out of it: a folder of 60 MB, 120 files',
    share: 0.25,
    async prepare(engine) {
      await makeFolder(engine)
      await makeWritten(engine)
    },
    run: async engine => command(engine, 'cp', `${WRITTEN}:/data`, 'copied'),
    after: engine => rm(join(folders.get(engine) ?? '', 'copied'), { recursive: true }),
    finish: removeFolder,
  },
  {
    name: '`commit` of it (60 MB written)',
    share: 0.25,
    prepare: makeWritten,
    run: async engine => command(engine, 'commit', WRITTEN, 'committed'),
    after: engine => removeImage(engine, 'committed:latest'),
    finish: removeWritten,
  },
]

export const fileCommands = (): Job[] => [...builds, ...archives]

/** Projects made of texts, as a user would write them into files. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type LoadOptions, loadProject } from '../../../src/compose/load/load.ts'
import type { Project } from '../../../src/compose/project.ts'
import { disposeLater } from '../../support/disposal.ts'

export interface Written {
  readonly folder: string
  readonly warnings: string[]
  load(more?: Partial<LoadOptions>): Promise<Project>
}

/** Writes files into a new folder named `demo`; it goes with the test. */
export async function project(files: Readonly<Record<string, string>>): Promise<Written> {
  const parent = await mkdtemp(join(tmpdir(), 'skiff-compose-'))
  disposeLater(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, 'demo')
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const warnings: string[] = []
  const options: LoadOptions = {
    cwd: folder,
    env: {},
    stdin: async () => files['-'] ?? '',
    warn: message => void warnings.push(message),
    files: [],
    name: '',
    profiles: [],
    envFiles: [],
    folder: '',
  }
  return { folder, warnings, load: more => loadProject({ ...options, ...more }) }
}

/** A project of one file. */
export const oneFile = async (text: string, more?: Partial<LoadOptions>): Promise<Project> =>
  (await project({ 'compose.yaml': text })).load(more)

/** One service, `web`, with an image and these further lines. */
export const service = async (lines: string, rest = ''): Promise<Project['services'][string]> => {
  const indented = lines
    .trim()
    .split('\n')
    .map(line => `    ${line}\n`)
    .join('')
  const { services } = await oneFile(`services:\n  web:\n    image: busybox\n${indented}${rest}`)
  const { web } = services
  if (!web) throw new Error('no web')
  return web
}

/** Which files a project is made of. Source: compose-spec, "The Compose file"; docker compose's variables COMPOSE_*. */

import { access, readFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { ComposeError } from '../errors.ts'

const NAMES = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'] as const
const OVERRIDES = [
  'compose.override.yaml',
  'compose.override.yml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
] as const

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** The default file of the folder or of the nearest one above it, with its override. @throws ComposeError */
export async function findDefaultFiles(cwd: string): Promise<string[]> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const found = await firstOf(folder, NAMES)
    if (found) {
      const override = await firstOf(folder, OVERRIDES)
      return override ? [found, override] : [found]
    }
    if (folder === dirname(folder)) throw new ComposeError('no configuration file provided: not found')
  }
}

async function firstOf(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) if (await exists(join(folder, name))) return join(folder, name)
  return undefined
}

/** As -f or COMPOSE_FILE names them; `-` is stdin. */
export const absolute = (cwd: string, file: string): string =>
  file === '-' || isAbsolute(file) ? file : resolve(cwd, file)

/** For messages: short where that is possible. */
export function shownPath(cwd: string, file: string): string {
  const short = relative(cwd, file)
  return file === '-' || short.startsWith('..') || short === '' ? file : short
}

/** @throws ComposeError in Go's words */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const words: Readonly<Record<string, string>> = {
      ENOENT: 'no such file or directory',
      EACCES: 'permission denied',
      EISDIR: 'is a directory',
    }
    throw new ComposeError(`open ${file}: ${words[code] ?? message}`)
  }
}

/** --env, --env-file, --label and --label-file. */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CommandError } from '../errors.ts'
import type { Session } from '../session.ts'

/** A variable of --env as it is given. @throws Error when it has no name */
export function checkVariable(text: string): string {
  if (/^=|^$/.test(text)) throw new Error(`invalid environment variable: ${text}`)
  return text
}

/** Files first, so that the flags override them. A name without a value is taken from the session, or left out. */
export async function environment(
  session: Session,
  files: readonly string[],
  flags: readonly string[],
): Promise<string[]> {
  const lines: string[] = []
  for (const file of files) lines.push(...(await keyValueLines(session, file, true)))
  for (const flag of flags) {
    const value = flag.includes('=') ? flag : inherited(session, flag)
    // Without a value anywhere the name alone goes out: it removes the image's variable.
    lines.push(value ?? flag)
  }
  return lines
}

export async function labels(
  session: Session,
  files: readonly string[],
  flags: readonly string[],
): Promise<Record<string, string>> {
  const lines: string[] = []
  for (const file of files) lines.push(...(await keyValueLines(session, file, false)))
  return keyValues([...lines, ...flags])
}

/** a=b, or a for an empty value. */
export const keyValues = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    lines.map(line => {
      const equals = line.indexOf('=')
      return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
    }),
  )

const inherited = (session: Session, name: string): string | undefined =>
  session.env[name] === undefined ? undefined : `${name}=${session.env[name]}`

/** The lines of a file that say something: name=value, or a name alone; `#` begins a comment. @throws CommandError */
async function keyValueLines(session: Session, file: string, inherit: boolean): Promise<string[]> {
  const content = await readText(session, file)
  const found: string[] = []
  for (const [i, raw] of content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = raw.replace(/\r$/, '').trimStart()
    if (line === '' || line.startsWith('#')) continue
    const name = line.split('=', 1)[0] ?? ''
    if (name === '')
      throw new Error(
        `invalid ${inherit ? 'environment variable' : 'label'}: no variable name on line ${i + 1} of ${file}: '${line}'`,
      )
    if (/\s/.test(name)) throw new Error(`variable '${name}' contains whitespaces`)
    if (line.includes('=')) found.push(line)
    else if (!inherit) found.push(name)
    else if (inherited(session, name) !== undefined) found.push(inherited(session, name) ?? '')
  }
  return found
}

async function readText(session: Session, file: string): Promise<string> {
  try {
    return await readFile(resolve(session.cwd, file), 'utf8')
  } catch (error) {
    throw new CommandError(openFailure(file, error), 125)
  }
}

/** As Go words a file that cannot be opened. */
export function openFailure(file: string, error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EISDIR: 'is a directory',
    ENOTDIR: 'not a directory',
    EEXIST: 'file exists',
  }
  return `open ${file}: ${words[code] ?? message}`
}

/** Writing a stream into a file that appears only when it is complete. */

import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { copy } from '../../client/demultiplex.ts'
import { CommandError } from '../errors.ts'
import type { Session } from '../session.ts'

/** To the file, or to stdout when `path` is ''. What is binary does not go to a terminal. */
export async function saveStream(session: Session, path: string, begin: () => Promise<Readable>): Promise<void> {
  if (path === '') {
    if (session.isTerminal.stdout)
      throw new CommandError('cowardly refusing to save to a terminal. Use the -o flag or redirect')
    return await copy(await begin(), session.stdout)
  }
  const target = resolve(session.cwd, path)
  await checkTarget(target, path)
  const source = await begin()
  // A device or a pipe is written into; it cannot be replaced.
  if (await isSpecial(target)) return await pipeline(source, createWriteStream(target))
  const temporary = `${target}.${randomUUID()}.part`
  try {
    const file = await open(temporary, 'wx', 0o600)
    await pipeline(source, file.createWriteStream())
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function checkTarget(target: string, shown: string): Promise<void> {
  const folder = await stat(dirname(target)).catch(() => undefined)
  if (!folder?.isDirectory())
    throw new CommandError(`invalid output path: directory "${dirname(shown)}" does not exist`)
  const present = await stat(target).catch(() => undefined)
  if (present?.isDirectory()) throw new CommandError(`invalid output path: "${shown}" must be a regular file`)
}

async function isSpecial(target: string): Promise<boolean> {
  const present = await stat(target).catch(() => undefined)
  return present !== undefined && !present.isFile()
}

/** Sources of ADD and COPY that are no files yet: URLs, and here-documents. */

import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { InvalidParameter, Unavailable } from '../../kernel/errors.ts'
import type { Heredoc } from '../dockerfile/lines.ts'
import type { Workshop } from '../workshop.ts'

export const isUrl = (path: string): boolean => /^https?:\/\//i.test(path)
export const isGit = (path: string): boolean =>
  /^(git|ssh):\/\/|^git@/i.test(path) || (isUrl(path) && /\.git(#.*)?$/i.test(path))

/** Downloads a file into a folder of its own; only root may read it, as Docker has it. @throws InvalidParameter, Unavailable */
export async function fetchUrl({ scratchFolder, signal }: Workshop, url: string, checksum: string): Promise<string> {
  const answer = await get(url, signal)
  const name = nameOf(url, answer)
  const folder = await mkdtemp(join(scratchFolder, 'url-'))
  const file = join(folder, name)
  const hash = createHash('sha256')
  const body = Readable.fromWeb(answer.body as ReadableStream).on('data', chunk => hash.update(chunk))
  await pipeline(body, createWriteStream(file, { mode: 0o600 }), { signal })
  verify(url, checksum, `sha256:${hash.digest('hex')}`)
  const modified = new Date(answer.headers.get('last-modified') ?? 0)
  if (!Number.isNaN(modified.getTime())) await utimes(file, modified, modified)
  return folder
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(url, { signal })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new Unavailable(`ADD failed: failed to GET ${url}: ${cause}`, { cause: error })
  }
  if (answer.ok && answer.body !== null) return answer
  throw new InvalidParameter(`ADD failed: failed to GET ${url} with status ${answer.status} ${answer.statusText}`)
}

function nameOf(url: string, answer: Response): string {
  const disposition = /filename="?([^";/]+)"?/.exec(answer.headers.get('content-disposition') ?? '')?.[1]
  const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '') || disposition || ''
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
    throw new InvalidParameter(`ADD failed: cannot determine filename for source ${url}`)
  }
  return name
}

function verify(url: string, expected: string, actual: string): void {
  if (expected === '') return
  if (!/^sha256:[0-9a-f]{64}$/.test(expected)) throw new InvalidParameter(`invalid checksum digest format: ${expected}`)
  if (expected !== actual) {
    throw new InvalidParameter(`ADD failed: digest mismatch ${actual}: ${expected} was expected of ${url}`)
  }
}

export async function writeHeredocs({ scratchFolder }: Workshop, heredocs: readonly Heredoc[]): Promise<string> {
  const folder = await mkdtemp(join(scratchFolder, 'heredoc-'))
  for (const { name, content } of heredocs) {
    if (/[/\0]/.test(name)) throw new InvalidParameter(`invalid name of a here-document: ${name}`)
    await writeFile(join(folder, name), content, { mode: 0o644 })
  }
  return folder
}

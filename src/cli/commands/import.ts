/** skiff import: an image from a root file system in a tar archive. */

import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { command } from '../command.ts'
import { openFailure } from '../create/environment.ts'
import { CommandError } from '../errors.ts'
import { showProgress } from '../images/progress.ts'
import { parseReference } from '../images/reference.ts'
import { list, string } from '../parse/flag.ts'
import type { Session } from '../session.ts'

export const importImage = command({
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  arity: [1, 2],
  flags: {
    change: list('Apply a Dockerfile instruction to the image', { short: 'c' }),
    message: string('Comment on the image', { short: 'm' }),
    platform: string('Platform of the image: os[/arch[/variant]]'),
  },
  async run({ session, engine, options, args }) {
    const [source = '', reference = ''] = args
    if (reference) parseReference(reference)
    const url = /^https?:\/\//.test(source)
    const body = url ? undefined : source === '-' ? session.stdin : await openFile(session, source)
    const response = await engine.request('POST', '/images/create', {
      query: {
        fromSrc: url ? source : '-',
        repo: reference || undefined,
        message: options.message || undefined,
        changes: options.change,
        platform: options.platform || undefined,
      },
      body,
      ...(body && { headers: { 'Content-Type': 'application/x-tar' } }),
    })
    const columns = session.isTerminal.stdout ? session.windowSize()?.columns : undefined
    await showProgress(response, { sink: session.stdout, columns })
  },
})

/** A file to be sent. @throws CommandError in Go's words */
export async function openFile(session: Session, path: string): Promise<Readable> {
  try {
    const handle = await open(resolve(session.cwd, path), 'r')
    return createReadStream('', { fd: handle, highWaterMark: 1 << 20 })
  } catch (error) {
    throw new CommandError(openFailure(path, error))
  }
}

/** Shows a stream of progress messages: one line a layer on a terminal, plain lines elsewhere. */

import type { Readable, Writable } from 'node:stream'
import { jsonLines } from '../../client/json-lines.ts'
import { write } from '../../client/write.ts'
import { CommandError } from '../errors.ts'
import { humanSize } from '../output/sizes.ts'

/** One message, as the API streams it. */
export interface ProgressMessage {
  status?: string
  id?: string
  stream?: string
  progressDetail?: { current?: number; total?: number; units?: string; start?: number }
  error?: string
  errorDetail?: { code?: number; message?: string }
  aux?: unknown
}

export interface ProgressOptions {
  readonly sink: Writable
  /** The terminal's width; undefined when the sink is none. */
  readonly columns: number | undefined
  /** Nothing is shown; errors are still thrown. */
  readonly quiet?: boolean
  readonly onAux?: (aux: unknown) => void
}

/** Resolves at the end of the stream. @throws CommandError for a message that is an error */
export async function showProgress(
  source: Readable,
  { sink, columns, quiet = false, onAux }: ProgressOptions,
): Promise<void> {
  const screen = columns === undefined ? undefined : new Screen(sink, columns)
  for await (const message of jsonLines<ProgressMessage>(source)) {
    if (message.errorDetail || message.error) throw failure(message)
    if (message.aux !== undefined) onAux?.(message.aux)
    else if (quiet) continue
    else if (screen) await screen.show(message)
    else await showPlain(sink, message)
  }
}

function failure({ error, errorDetail }: ProgressMessage): CommandError {
  const message = errorDetail?.message ?? error ?? ''
  return new CommandError(message, errorDetail?.code || 1)
}

/** Bars mean nothing in a file: only the steps are written. */
async function showPlain(sink: Writable, { status, id, stream, progressDetail }: ProgressMessage): Promise<void> {
  if (stream !== undefined) await write(sink, stream)
  else if (status !== undefined && !progressDetail?.current) await write(sink, `${id ? `${id}: ` : ''}${status}\n`)
}

/** Lines that are written over, one for each id, below what was there. */
class Screen {
  readonly #lines = new Map<string, number>()

  constructor(
    readonly sink: Writable,
    readonly columns: number,
  ) {}

  async show(message: ProgressMessage): Promise<void> {
    const { id, status = '', stream } = message
    if (stream !== undefined) return await write(this.sink, stream)
    const text = `${id ? `${id}: ` : ''}${status} ${bar(message, this.columns)}`.trimEnd()
    // What has no bar of its own goes below all lines, once.
    if (!id || !message.progressDetail) {
      this.#lines.clear()
      return await write(this.sink, `${text}\n`)
    }
    const known = this.#lines.get(id)
    if (known === undefined) {
      this.#lines.set(id, this.#lines.size)
      return await write(this.sink, `${text}\n`)
    }
    const up = this.#lines.size - known
    await write(this.sink, `\x1b[${up}A\x1b[2K\r${text}\r\x1b[${up}B`)
  }
}

const BAR_WIDTH = 50

/** `[====>     ]  1.2MB/3.4MB`; without a total only what is done. */
export function bar({ progressDetail }: ProgressMessage, columns: number): string {
  const { current = 0, total = 0 } = progressDetail ?? {}
  if (current <= 0 && total <= 0) return ''
  if (total <= 0) return humanSize(current).padStart(8)
  const numbers = `${humanSize(current)}/${humanSize(total)}`.padStart(17)
  const done = Math.min(BAR_WIDTH, Math.trunc((current / total) * BAR_WIDTH))
  const line = `[${'='.repeat(done)}>${' '.repeat(BAR_WIDTH - done)}]`
  return columns > 110
    ? `${line} ${numbers}`
    : columns > 60
      ? `[${'='.repeat(done / 2)}>${' '.repeat((BAR_WIDTH - done) / 2)}] ${numbers}`
      : numbers
}

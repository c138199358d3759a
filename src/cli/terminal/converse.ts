/**
 * Connects a session to a container's streams until the container has nothing more to say.
 *
 *     session.stdin ──▶ detach keys? ──▶ connection ──▶ the process     end of stdin: half-close, output goes on
 *     session.stdout, stderr ◀── demultiplexed, or as it is (terminal) ◀──
 */

import type { Socket } from 'node:net'
import { Writable } from 'node:stream'
import { copy, demultiplex } from '../../client/demultiplex.ts'
import type { Hijacked } from '../../client/engine.ts'
import type { Session } from '../session.ts'
import { DEFAULT_DETACH_KEYS, DetachWatch, parseDetachKeys } from './detach-keys.ts'

export interface Conversation {
  readonly tty: boolean
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  /** '' for the default. */
  readonly detachKeys: string
  /** The output is in frames though there is a terminal. */
  readonly framed?: boolean
}

/** An exit code: that of an exec whose stream tells it. */
export type Ending = 'ended' | 'detached' | number

/** Resolves when all output has been written, or the user typed the detach keys. The terminal is as before then. */
export async function converse(session: Session, connection: Hijacked, how: Conversation): Promise<Ending> {
  const { tty, stdin } = how
  const raw = tty && stdin && session.isTerminal.stdin
  if (raw) session.setRawMode(true)
  const input =
    stdin && connection.input
      ? forwardInput(session, connection.input, raw ? how.detachKeys || DEFAULT_DETACH_KEYS : undefined)
      : undefined
  try {
    const output = receive(session, connection, how)
    return await (input ? Promise.race([output, input.detached]) : output)
  } finally {
    input?.stop()
    if (raw) session.setRawMode(false)
    connection.input?.destroy()
  }
}

async function receive(session: Session, { output }: Hijacked, how: Conversation): Promise<Ending> {
  const { tty, stdout, stderr, framed = !tty } = how
  const [out, err] = [stdout ? session.stdout : nowhere(), stderr ? session.stderr : nowhere()]
  if (framed) return (await demultiplex(output, out, err)) ?? 'ended'
  await copy(output, out)
  return 'ended'
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })

interface Input {
  readonly detached: Promise<Ending>
  /** Lets go of stdin. */
  stop(): void
}

function forwardInput({ stdin }: Session, input: Socket, detachKeys: string | undefined): Input {
  const watch = detachKeys === undefined ? undefined : new DetachWatch(parseDetachKeys(detachKeys))
  let detach = (_ending: Ending): void => undefined
  const detached = new Promise<Ending>(resolve => {
    detach = resolve
  })
  const onData = (typed: Buffer | string) => {
    const bytes = Buffer.from(typed)
    const taken = watch?.take(bytes)
    if (!input.write(taken?.pass ?? bytes)) {
      stdin.pause()
      input.once('drain', () => stdin.resume())
    }
    if (taken?.detached) detach('detached')
  }
  // The process may still be writing when nothing is typed any more: close our half alone.
  const onEnd = () => input.end()
  // The daemon closed its side: what we still send reaches nobody.
  input.on('error', () => undefined)
  stdin.on('data', onData).once('end', onEnd)
  // A stdin that has ended before we looked says so no more.
  if (stdin.readableEnded) onEnd()
  return {
    detached,
    stop: () => {
      stdin.off('data', onData).off('end', onEnd).pause()
    },
  }
}

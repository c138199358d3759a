/** A session whose streams, terminal and signals are a launcher's, at the other end of a socket. */

import { setMaxListeners } from 'node:events'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { Readable, Writable } from 'node:stream'
import type { Session, WindowSize } from '../session.ts'
import { FRAME, type Frame, type FrameType, sendBytes, sendNumber } from './frames.ts'
import type { Hello } from './hello.ts'

const STDIN_CHUNK = 65_536

/** Why: one for all, as it takes longer to make one than to end a command. */
const GONE = new Error('the launcher has gone')

const SIGNAL_NAMES = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals] as const),
)

export class LaunchedSession implements Session {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly isTerminal: Session['isTerminal']
  /** Nobody here starts daemons: this is one. */
  readonly mayStartDaemon = false
  readonly known: NonNullable<Session['known']>
  readonly #socket: Socket
  readonly #gone = new AbortController()
  readonly #onSignal = new Set<(name: NodeJS.Signals) => void>()
  readonly #onResize = new Set<() => void>()
  #window: WindowSize
  // Made when they are first looked at, as Node makes those of a process: most commands touch one.
  #stdin: Readable | undefined
  #stdout: Writable | undefined
  #stderr: Writable | undefined

  constructor(socket: Socket, hello: Hello, known: NonNullable<Session['known']>) {
    this.known = known
    this.#socket = socket
    // Each request listens, and `rm` of a hundred containers sends as many: ten is no sign of a leak here.
    setMaxListeners(0, this.#gone.signal)
    this.argv = hello.argv
    this.env = hello.env
    this.cwd = hello.cwd
    this.isTerminal = hello.isTerminal
    this.#window = hello.window
  }

  get stdin(): Readable {
    const read = () => sendNumber(this.#socket, FRAME.READ, STDIN_CHUNK)
    this.#stdin ??= this.#unlessGone(new Readable({ read, highWaterMark: STDIN_CHUNK }))
    return this.#stdin
  }

  get stdout(): Writable {
    this.#stdout ??= this.#unlessGone(this.#output(FRAME.STDOUT))
    return this.#stdout
  }

  get stderr(): Writable {
    this.#stderr ??= this.#unlessGone(this.#output(FRAME.STDERR))
    return this.#stderr
  }

  /** When the launcher is gone: nobody wants the command's result any more. */
  get closed(): AbortSignal {
    return this.#gone.signal
  }

  windowSize(): WindowSize | undefined {
    return this.isTerminal.stdout ? this.#window : undefined
  }

  setRawMode(raw: boolean): void {
    if (this.isTerminal.stdin) sendNumber(this.#socket, FRAME.RAW, Number(raw))
  }

  onResize(listener: () => void): () => void {
    this.#onResize.add(listener)
    return () => this.#onResize.delete(listener)
  }

  onSignal(listener: (name: NodeJS.Signals) => void): () => void {
    this.#onSignal.add(listener)
    sendNumber(this.#socket, FRAME.CATCH, 1)
    return () => {
      this.#onSignal.delete(listener)
      if (this.#onSignal.size === 0) sendNumber(this.#socket, FRAME.CATCH, 0)
    }
  }

  /** Something that the launcher sent after its hello. */
  take({ type, payload }: Frame): void {
    if (type === FRAME.STDIN) this.#stdin?.push(payload.length > 0 ? payload : null)
    else if (type === FRAME.WINDOW) {
      this.#window = {
        rows: new Uint16Array(aligned(payload))[0] ?? 0,
        columns: new Uint16Array(aligned(payload))[1] ?? 0,
      }
      for (const listener of this.#onResize) listener()
    } else if (type === FRAME.SIGNAL) {
      const name = SIGNAL_NAMES.get(payload[0] ?? 0)
      if (name) for (const listener of this.#onSignal) listener(name)
    }
  }

  /** Ends the output; resolves when all of it is on its way, or nobody is there to take it. */
  async flush(): Promise<void> {
    await Promise.all(
      [this.#stdout, this.#stderr].map(stream => stream && new Promise<void>(resolve => stream.end(() => resolve()))),
    )
  }

  /** The launcher has gone: reads end, writes go nowhere. */
  close(): void {
    this.#gone.abort(GONE)
    for (const stream of [this.#stdin, this.#stdout, this.#stderr]) stream?.destroy()
  }

  #unlessGone<S extends Readable | Writable>(stream: S): S {
    if (this.#gone.signal.aborted) stream.destroy()
    return stream
  }

  #output(type: FrameType): Writable {
    const socket = this.#socket
    return new Writable({
      decodeStrings: true,
      write: (chunk: Buffer, _encoding, done) => {
        if (sendBytes(socket, type, chunk)) done()
        else socket.once('drain', done)
      },
    })
  }
}

/** A typed array wants its bytes at an even address. */
const aligned = (bytes: Buffer): ArrayBuffer => Uint8Array.from(bytes).buffer

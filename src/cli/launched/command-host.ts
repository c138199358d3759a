/**
 * Runs command lines for launchers, as an ordinary client of the daemon's API: the same code as in `skiff` under Node, warm.
 * It lives in a thread of its own (worker.ts), so that no command can hold up the daemon.
 */

import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { getHeapStatistics } from 'node:v8'
import { API_VERSION } from '../../client/engine.ts'
import { runCommandLine } from '../dispatch.ts'
import { findCommand, GROUPS } from '../registry.ts'
import type { Session } from '../session.ts'
import { FRAME, type Frame, FrameReader, sendBytes, sendNumber } from './frames.ts'
import { type Hello, ownSurroundings, parseHello, type Surroundings, sameSurroundings } from './hello.ts'
import { LaunchedSession } from './launched-session.ts'

/** ARG_MAX is 2 MiB with the usual stack, and can be a quarter of a larger one. */
const LARGEST_FRAME = 64 << 20

const EXIT_CRASHED = 1

/** How often a working host looks for buffers that nobody needs, and how many bytes of them are worth a collection. */
const COLLECT_MS = 50
const WORTH_COLLECTING = 12 << 20

export class CommandHost {
  readonly #current = new AsyncLocalStorage<Run>()
  readonly #own: Surroundings
  #running = 0
  #collecting: NodeJS.Timeout | undefined

  readonly #known: NonNullable<Session['known']>

  /** `address`: the daemon's, which is of this very build. */
  constructor(umask: number, address: string) {
    this.#own = ownSurroundings(umask)
    this.#known = { address, apiVersion: API_VERSION, agent: new Agent({ keepAlive: true }) }
  }

  /** A server for launchers; the caller listens. */
  server(): Server {
    return createServer(socket => this.#serve(socket))
  }

  /** An error that no command caught: it ends the command in which it arose. False: it arose in none. */
  crashed(error: unknown): boolean {
    const run = this.#current.getStore()
    if (!run) return false
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    sendBytes(run.socket, FRAME.STDERR, Buffer.from(`${text}\n`))
    end(run, EXIT_CRASHED)
    return true
  }

  #serve(socket: Socket): void {
    const reader = new FrameReader()
    let run: Run | undefined
    const take = (frame: Frame): void => {
      if (run) run.session.take(frame)
      else run = this.#begin(socket, frame)
    }
    socket.on('data', piece => {
      try {
        for (const frame of reader.take(piece, LARGEST_FRAME)) take(frame)
      } catch {
        // No launcher of ours.
        socket.destroy()
      }
    })
    // Said again by 'close'.
    socket.on('error', () => undefined)
    socket.on('close', () => run?.session.close())
  }

  #begin(socket: Socket, frame: Frame): Run | undefined {
    const hello = frame.type === FRAME.HELLO ? parseHello(frame.payload) : undefined
    if (!hello) throw new Error('a launcher begins with a hello')
    if (!this.#mayRun(hello)) {
      sendNumber(socket, FRAME.DECLINE, 0)
      socket.end()
      return undefined
    }
    const run: Run = { socket, session: new LaunchedSession(socket, hello, this.#known), ended: false }
    this.#running++
    this.#collecting ??= setInterval(collect, COLLECT_MS)
    socket.once('close', () => {
      if (--this.#running > 0) return
      clearInterval(this.#collecting)
      this.#collecting = undefined
    })
    this.#current.run(run, () => {
      runCommandLine(run.session).then(
        // What is still queued for the launcher goes before the exit code.
        code => run.session.flush().then(() => end(run, code)),
        error => this.crashed(error),
      )
    })
    return run
  }

  #mayRun({ surroundings, argv }: Hello): boolean {
    return sameSurroundings(surroundings, this.#own) && !isAlone(argv)
  }
}

/**
 * Archives stream through `load`, `save` and `cp`, and V8 does not see how much a buffer holds: it would let 64 MB of them gather before
 * it looks. The daemon has gc() from `node --expose-gc`.
 */
function collect(): void {
  if (getHeapStatistics().external_memory > WORTH_COLLECTING) globalThis.gc?.({ type: 'minor' })
}

interface Run {
  readonly socket: Socket
  readonly session: LaunchedSession
  ended: boolean
}

function end(run: Run, code: number): void {
  if (run.ended) return
  run.ended = true
  sendNumber(run.socket, FRAME.EXIT, code)
  // The launcher reads no further and ends: to wait for its end would only wake us again.
  run.socket.destroySoon()
}

/** Whether the command works so long by itself that others would wait for it: it gets a process of its own. */
function isAlone(argv: readonly string[]): boolean {
  const words = argv[0] === '-H' || argv[0] === '--host' ? argv.slice(2) : argv.slice(argv[0]?.startsWith('-') ? 1 : 0)
  const [first = '', second = ''] = words
  return findCommand(Object.hasOwn(GROUPS, first) ? [first, second] : [first])?.alone === true
}

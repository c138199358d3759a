/**
 * Threads for the work on layers: reading archives, hashing, compressing, walking trees. A thread is started when there is a
 * job and none is free, up to a limit, and ended when nothing has come for a while.
 */

import { availableParallelism } from 'node:os'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { Unavailable } from '../../kernel/errors.ts'
// An addon that only threads have loaded is unloaded with the last of them, and crashes: the main thread loads it too.
import '../../kernel/native.ts'
import { duplicate } from '../../kernel/files.ts'
import { notePassing } from '../../kernel/passing-memory.ts'
import type { Sendable } from '../types.ts'
import { fromTransferred } from './errors.ts'
import type { Jobs } from './jobs.ts'
import { type FromWorker, type JobMessage, OTHER_FAILED } from './protocol.ts'
import { Receiver, Sender } from './streams.ts'

// Tests run the sources, which Node 20 cannot load into a thread: there it is the compiled file.
const WORKER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/snapshots/worker/worker.js' : './worker.js',
    import.meta.url,
  ),
)
const IDLE_MS = 10_000

// Of threads that begin from here on: these pass bytes on and keep little, and a young heap of the size that suits the main thread is mostly
// untouched room in each. It is bin/skiffd's option for that thread, which goes before what a Worker's resourceLimits say.
setFlagsFromString('--max-semi-space-size=1')

/** As many wait for a registry by default (three downloads, five uploads): they must not hold up who copies or commits. */
const MOST_TRANSFERS = 8

interface Thread {
  worker: Worker
  idle: NodeJS.Timeout | undefined
  dead: boolean
  /** Ends the job that runs, when the thread dies. */
  fail: (error: Error) => void
}

/** A stream of chunks. */
export type Bytes = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

export type JobKind = keyof Jobs
type Parameters<K extends JobKind> = Jobs[K]['parameters']
type Result<K extends JobKind> = Jobs[K]['result']

export class WorkerPool {
  readonly #limit: number
  readonly #free: Thread[] = []
  readonly #waiting: ((thread: Thread) => void)[] = []
  #started = 0

  constructor(limit = Math.max(availableParallelism(), MOST_TRANSFERS + 4)) {
    this.#limit = limit
  }

  /** Runs a job that takes a stream, or none, and gives a result. */
  async run<K extends JobKind>(kind: K, parameters: Parameters<K>, input?: Bytes): Promise<Result<K>> {
    const thread = await this.#acquire()
    try {
      return await this.#converse<Result<K>>(
        thread,
        { kind, ...parameters },
        { input, ...portsOf(new MessageChannel()) },
      )
    } finally {
      this.#release(thread)
    }
  }

  /**
   * Runs a job that gives a stream, once it is read or sent; its failure is the stream's. Destroying the stream ends the job.
   */
  stream<K extends JobKind>(kind: K, parameters: () => Parameters<K>, input?: Bytes): Sendable {
    const sendTo = async (socket: number, signal: AbortSignal): Promise<void> => {
      const thread = await this.#acquire()
      const { port1, port2 } = new MessageChannel()
      const abort = () => port1.postMessage({ abort: 'the client has gone' })
      signal.addEventListener('abort', abort, { once: true })
      try {
        signal.throwIfAborted()
        const job = { kind, ...parameters() }
        await this.#converse(thread, job, { input, port1, port2, socket: duplicate(socket) })
      } finally {
        signal.removeEventListener('abort', abort)
        this.#release(thread)
      }
    }
    return Object.assign(Readable.from(this.#output(kind, parameters, input, false), { objectMode: false }), { sendTo })
  }

  /** The same as chunks whose memory goes round: each is to be used before the next one is asked for. */
  chunks<K extends JobKind>(kind: K, parameters: () => Parameters<K>): AsyncGenerator<Uint8Array> {
    return this.#output(kind, parameters, undefined, true)
  }

  async *#output<K extends JobKind>(
    kind: K,
    parameters: () => Parameters<K>,
    input: Bytes | undefined,
    recycles: boolean,
  ): AsyncGenerator<Uint8Array> {
    const thread = await this.#acquire()
    const { port1, port2 } = new MessageChannel()
    const receiver = new Receiver(port1)
    const job = this.#converse(thread, { kind, ...parameters() }, { input, port1, port2, receiver })
    job.catch(error => receiver.fail(error))
    try {
      for await (const chunk of receiver) {
        if (!recycles) notePassing(chunk.length)
        yield chunk
        if (recycles) receiver.recycle(chunk)
      }
      await job
    } finally {
      port1.postMessage({ abort: 'no longer wanted' })
      job.catch(() => {}).finally(() => this.#release(thread))
    }
  }

  /**
   * Runs two jobs at once, what the first gives being what the second takes. Undefined, and nothing is done, if two threads
   * cannot be had at once: who held one and waited for another could wait for ever.
   */
  async runJoined<A extends JobKind, B extends JobKind>(
    [giver, given]: [A, Parameters<A>],
    [taker, taken]: [B, Parameters<B>],
  ): Promise<[Result<A>, Result<B>] | undefined> {
    if (this.#free.length + this.#limit - this.#started < 2) return undefined
    const threads = [this.#acquire(), this.#acquire()] as const
    const channels = [new MessageChannel(), new MessageChannel()] as const
    const joined = new MessageChannel()
    const half = async <R>(
      index: 0 | 1,
      job: { kind: string },
      ends: Pick<Conversation, 'from' | 'to'>,
    ): Promise<R> => {
      const thread = await threads[index]
      try {
        return await this.#converse<R>(thread, job, { input: undefined, ...portsOf(channels[index]), ...ends })
      } catch (error) {
        // A thread that dies cannot tell the other.
        channels[1 - index]?.port1.postMessage({ abort: OTHER_FAILED })
        throw error
      } finally {
        this.#release(thread)
      }
    }
    const [first, second] = await Promise.allSettled([
      half<Result<A>>(0, { kind: giver, ...given }, { to: joined.port1 }),
      half<Result<B>>(1, { kind: taker, ...taken }, { from: joined.port2 }),
    ])
    if (first.status === 'fulfilled' && second.status === 'fulfilled') return [first.value, second.value]
    const causes = [first, second].flatMap(({ status, reason }: { status: string; reason?: unknown }) =>
      status === 'rejected' ? [reason] : [],
    )
    throw causes.find(cause => !(cause instanceof Error && cause.message === OTHER_FAILED)) ?? causes[0]
  }

  /** Ends all threads. Jobs that run fail. */
  async close(): Promise<void> {
    for (const thread of this.#free.splice(0)) {
      clearTimeout(thread.idle)
      await thread.worker.terminate()
    }
  }

  async #converse<R>(
    thread: Thread,
    job: { kind: string },
    { input, port1: port, port2, receiver, socket = null, from = null, to = null }: Conversation,
  ): Promise<R> {
    const sender = new Sender(port)
    let inputError: unknown
    try {
      return await new Promise<R>((resolve, reject) => {
        thread.fail = reject
        port.on('message', (message: FromWorker) => {
          if ('taken' in message) sender.taken(message)
          else if ('chunk' in message) receiver?.push(message.chunk)
          else if ('end' in message) receiver?.end()
          else if ('result' in message) resolve(message.result as R)
          else reject(inputError ?? fromTransferred(message.error))
        })
        const moved = [port2, from, to].filter(each => each !== null)
        thread.worker.postMessage({ job, port: port2, socket, from, to } satisfies JobMessage, moved)
        // The job hears of a failed input and cleans up before it fails itself.
        feed(input, sender).catch(error => {
          inputError = error
          port.postMessage({ abort: String(error) })
        })
      })
    } finally {
      sender.stop(new Error('the job has ended'))
      port.close()
    }
  }

  #acquire(): Promise<Thread> {
    const free = this.#free.pop()
    if (free !== undefined) {
      clearTimeout(free.idle)
      free.worker.ref()
      return Promise.resolve(free)
    }
    if (this.#started < this.#limit) return Promise.resolve(this.#start())
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  #start(): Thread {
    this.#started++
    const worker = new Worker(WORKER, { execArgv: [] })
    const thread: Thread = { worker, idle: undefined, dead: false, fail: () => {} }
    worker.on('error', error => thread.fail(error))
    worker.on('exit', () => {
      this.#started--
      thread.dead = true
      const index = this.#free.indexOf(thread)
      if (index !== -1) this.#free.splice(index, 1)
      thread.fail(new Unavailable('a worker thread has ended'))
    })
    return thread
  }

  #release(thread: Thread): void {
    thread.fail = () => {}
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next(thread.dead ? this.#start() : thread)
      return
    }
    if (thread.dead) return
    this.#free.push(thread)
    // An idle thread does not keep the process alive.
    thread.worker.unref()
    thread.idle = setTimeout(() => void thread.worker.terminate(), IDLE_MS).unref()
  }
}

interface Conversation {
  input: Bytes | undefined
  port1: MessagePort
  port2: MessagePort
  /** Where the output arrives; */
  receiver?: Receiver
  /** or where the thread sends it, which closes the descriptor. */
  socket?: number | null
  /** What it is joined to another job by. */
  from?: MessagePort | null
  to?: MessagePort | null
}

const portsOf = ({ port1, port2 }: MessageChannel): Pick<Conversation, 'port1' | 'port2'> => ({ port1, port2 })

async function feed(input: Bytes | undefined, sender: Sender): Promise<void> {
  if (input === undefined) return
  for await (const chunk of input) {
    notePassing(chunk.length)
    await sender.send(chunk)
  }
  await sender.end()
}

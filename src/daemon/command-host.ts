/**
 * The thread in which command lines run for the launcher (src/cli/launched), beside each of the daemon's Unix sockets. It is started
 * when `skiff` has first come the long way, through Node: a daemon that only serves other clients does without.
 */

import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { CommandHostData } from '../cli/launched/worker.ts'
import { pathOfSocket } from '../kernel/sockets.ts'
import { passedSockets } from './service-manager.ts'

// Tests run the sources, which Node 20 cannot load into a thread: there it is the compiled file.
const WORKER = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/cli/launched/worker.js' : '../cli/launched/worker.js',
    import.meta.url,
  ),
)

/** Behind the path of the API's socket; native/launcher/address.c has the same. */
const SUFFIX = '.cli'

function unixAddresses(host: string): string[] {
  if (host.startsWith('unix://')) return [host]
  if (!host.startsWith('fd://')) return []
  return passedSockets()
    .flatMap(fd => pathOfSocket(fd) ?? [])
    .map(path => `unix://${path}`)
}

const pathOf = (address: string): string => address.slice('unix://'.length) + SUFFIX

/** A host that ends sooner than this after its start is not started again. */
const SHORT_LIFE_MS = 10_000

export class CommandHosts {
  readonly #addresses: readonly string[]
  readonly #log: Logger
  readonly #workers = new Set<Worker>()
  #started = false
  #stopped = false

  constructor(hosts: readonly string[], log: Logger) {
    this.#addresses = hosts.flatMap(unixAddresses)
    this.#log = log
  }

  /** Removes what a killed daemon has left, so that launchers find out at once that nobody is there. */
  async clear(): Promise<void> {
    for (const address of this.#addresses) await rm(pathOf(address), { force: true })
  }

  /** The first call starts them. */
  start(): void {
    if (this.#started) return
    this.#started = true
    for (const address of this.#addresses) void this.#run(address)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const worker of this.#workers) await worker.terminate()
    await this.clear()
  }

  async #run(address: string): Promise<void> {
    const path = pathOf(address)
    const begun = performance.now()
    await rm(path, { force: true })
    if (this.#stopped) return
    const workerData: CommandHostData = { path, address }
    const worker = new Worker(WORKER, { workerData, resourceLimits: { maxYoungGenerationSizeMb: 4 } })
    this.#workers.add(worker)
    // It must not keep the daemon alive.
    worker.unref()
    worker.on('error', error => this.#log.error({ err: error }, 'the thread that runs command lines has failed'))
    worker.on('exit', () => {
      this.#workers.delete(worker)
      if (this.#stopped) return
      if (performance.now() - begun > SHORT_LIFE_MS) void this.#run(address)
      else void rm(path, { force: true })
    })
  }
}

/**
 * skiff's daemon for a test: an instance with its own folders, socket, bridge, address pool and cgroup, so that any number run
 * side by side. Started through bin/skiffd, as a user would.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EngineApi } from './client.ts'
import { disposeLater } from './disposal.ts'
import type { Engine } from './engine.ts'
import {
  cgroups,
  commandOf,
  compareMachines,
  entries,
  lookAtMachine,
  type Machine,
  processesOf,
  RUN,
} from './machine.ts'

const SKIFF = fileURLToPath(new URL('../../bin/skiff', import.meta.url))
const SKIFFD = fileURLToPath(new URL('../../bin/skiffd', import.meta.url))

const run = promisify(execFile)

export interface DaemonOptions {
  /** Further command-line words, e.g. ['--live-restore=false']. */
  args?: string[]
  /** The configuration file's content (--config-file). */
  config?: object
  env?: Record<string, string>
  /** 'debug' unless asked otherwise: the log is shown when something goes wrong. */
  logLevel?: 'debug' | 'info'
  /** The command line that `command` begins with, in the place of bin/skiff. */
  program?: string
  /** Where to put the instance's folder; for a file system of another kind. */
  parent?: string
  /** Elsewhere than in that folder; whoever names one removes it. */
  execRoot?: string
  dataRoot?: string
}

export interface Daemon extends Engine {
  readonly name: 'skiff'
  readonly dataRoot: string
  readonly execRoot: string
  readonly bridge: string
  /** The running daemon's process; undefined after kill9 or terminate. */
  readonly pid: number | undefined
  /** SIGKILL: what a crash is. Containers run on. */
  kill9(): Promise<void>
  /** SIGTERM, and waits for the end. Containers run on unless live-restore is off. Resolves to the exit code. */
  terminate(): Promise<number | null>
  /** Starts it again in the same folders, with these words instead of the first ones when given. */
  restart(args?: string[]): Promise<void>
}

/** Starts a daemon and waits until it answers /_ping. It ends with the test, or with the file when started in beforeAll. */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const folder = await mkdtemp(join(options.parent ?? tmpdir(), `skiff-test-${RUN}-`))
  const instance = new Instance(folder, options)
  const dispose = disposeLater(instance.stop.bind(instance))
  try {
    await instance.start(options.args ?? [])
  } catch (error) {
    await dispose()
    throw error
  }
  return Object.defineProperty(instance, 'stop', { value: dispose })
}

class Instance implements Daemon {
  readonly name = 'skiff'
  readonly dataRoot: string
  readonly execRoot: string
  readonly socket: string
  readonly bridge: string
  readonly cgroupParent: string
  readonly api: EngineApi
  readonly command: readonly string[]
  #child: ChildProcess | undefined
  #before: Machine | undefined

  constructor(
    readonly folder: string,
    readonly options: DaemonOptions,
  ) {
    const id = randomBytes(4).toString('hex')
    this.dataRoot = options.dataRoot ?? join(folder, 'data')
    this.execRoot = options.execRoot ?? join(folder, 'exec')
    this.socket = join(folder, 'skiff.sock')
    // A link's name has at most 15 bytes.
    this.bridge = `sk-${id}`
    this.cgroupParent = `/skiff-test-${RUN}-${id}`
    this.api = new EngineApi(this.socket)
    this.command = [options.program ?? SKIFF, '-H', `unix://${this.socket}`]
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async daemonPid(): Promise<number> {
    if (this.pid === undefined) throw new Error('the daemon does not run')
    return this.pid
  }

  log = (): Promise<string> => readFile(join(this.folder, 'log'), 'utf8')

  async start(args: string[]): Promise<void> {
    this.#before ??= await lookAtMachine()
    await mkdir(this.execRoot, { recursive: true })
    const config = join(this.folder, 'daemon.json')
    await writeFile(config, JSON.stringify(this.options.config ?? {}))
    const log = openSync(join(this.folder, 'log'), 'a')
    const child = spawn(SKIFFD, [...this.#arguments(config), ...args], {
      stdio: ['ignore', log, log],
      // Its own session: a signal to the test's terminal must not reach it.
      detached: true,
      env: { ...process.env, ...this.options.env },
    })
    closeSync(log)
    this.#child = child
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    await this.#answers(child)
  }

  #arguments = (config: string): string[] => [
    ...['--data-root', this.dataRoot, '--exec-root', this.execRoot, '-H', `unix://${this.socket}`],
    ...['--pidfile', join(this.folder, 'skiffd.pid'), '--config-file', config, '--bridge', this.bridge],
    ...['--cgroup-parent', this.cgroupParent, '--log-level', this.options.logLevel ?? 'debug'],
  ]

  /** Until /_ping is answered: as long as the process lives, however slow the machine is. */
  async #answers(child: ChildProcess): Promise<void> {
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`skiffd ended (${child.exitCode ?? child.signalCode}):\n${await this.log()}`)
      }
      try {
        if ((await this.api.request('GET', '/_ping')).status === 200) return
      } catch {
        // No socket yet, or nobody listens: the process is watched above.
      }
      await sleep(20)
    }
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return null
    const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
    child.kill(signal)
    return ended
  }

  async kill9(): Promise<void> {
    await this.#end('SIGKILL')
  }

  terminate(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  async restart(args: string[] = this.options.args ?? []): Promise<void> {
    await this.terminate()
    await this.start(args)
  }

  /** Removes every container and network, ends the daemon, and looks for what is left. */
  async stop(): Promise<void> {
    let failure: unknown
    try {
      if (this.#child !== undefined) await this.#empty()
    } catch (error) {
      failure = error
    }
    await this.terminate()
    this.api.close()
    const left = failure === undefined ? await this.#leftBehind() : []
    const log = await this.log().catch(() => '')
    await this.#sweep()
    await rm(this.folder, { recursive: true, force: true })
    if (failure !== undefined) throw failure
    if (left.length > 0) throw new Error(`skiffd left this behind:\n  ${left.join('\n  ')}\nIts log was:\n${log}`)
  }

  async #empty(): Promise<void> {
    for (const { Id } of await this.api.get('/containers/json', { all: true })) {
      await this.api.delete(`/containers/${Id}`, { force: true, v: true })
    }
    for (const { Name } of (await this.api.request('GET', '/networks')).json ?? []) {
      if (!['bridge', 'host', 'none'].includes(Name)) await this.api.delete(`/networks/${Name}`)
    }
  }

  /** Only what carries this instance's names: other tests run at the same time. */
  async #leftBehind(): Promise<string[]> {
    const found: string[] = []
    for (const pid of await processesOf(this.folder)) found.push(`process ${pid}: ${await commandOf(pid)}`)
    const changes = compareMachines(this.#before as Machine, await lookAtMachine())
    // What is below: the folder, the bridge, the table and the parent cgroup themselves are kept for the next start.
    const names = [`${this.folder}/`, `${this.cgroupParent}/`]
    found.push(...changes.filter(line => names.some(name => line.includes(name))))
    for (const name of await entries(join(this.execRoot, 'containers')))
      found.push(`${this.execRoot}/containers/${name}`)
    return found
  }

  /**
   * What a daemon keeps for its next start goes with the instance. And by force, so that one failing test does not fail the
   * next: processes, then their cgroups.
   */
  async #sweep(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const left = await processesOf(this.folder)
      if (left.length === 0) break
      for (const pid of left) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended by itself.
        }
      }
      await sleep(20)
    }
    for (let tries = 0; tries < 100; tries++) {
      const own = (await cgroups()).filter(path => path.includes(this.cgroupParent))
      if (own.length === 0) break
      // The deepest first. EBUSY: a process that was killed is still dying. What stays was reported by #leftBehind.
      for (const path of own.sort((a, b) => b.length - a.length)) await rmdir(path).catch(() => undefined)
      await sleep(20)
    }
    const table = `skiff-${createHash('sha256').update(this.dataRoot).digest('hex').slice(0, 8)}`
    // It may not have come so far as to make them.
    await run('ip', ['link', 'delete', this.bridge]).catch(() => undefined)
    await run('nft', ['delete', 'table', 'inet', table]).catch(() => undefined)
  }
}

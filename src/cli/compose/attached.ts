/**
 * `up` without --detach: the output of all containers until they have ended, or until the user has had enough. The first Ctrl-C
 * stops them in their order, the second one kills them.
 */

import type { Query } from '../../client/engine.ts'
import { ApiError } from '../../client/errors.ts'
import { write } from '../../client/write.ts'
import { type Container, findContainers } from '../../compose/engine/observe.ts'
import type { Project } from '../../compose/project.ts'
import type { Surroundings } from '../../compose/run/report.ts'
import { startExisting } from '../../compose/run/start.ts'
import { inReverse, stopGracefully } from '../../compose/run/stop.ts'
import { beginWait } from '../containers/attach.ts'
import { withProgress } from './containers.ts'
import { shortName, showLogs } from './follow.ts'
import type { Prefixes } from './prefix.ts'
import type { ComposeContext } from './subcommand.ts'

/** When one container's end is the end of all. */
export type AbortOn = 'never' | 'exit' | 'failure'

export interface AttachedRun {
  readonly context: ComposeContext
  readonly project: Project
  /** All that were brought up. */
  readonly services: ReadonlySet<string>
  /** Those whose output is shown. */
  readonly shown: ReadonlySet<string>
  readonly prefixes: Prefixes
  readonly timestamps: boolean
  readonly abortOn: AbortOn
  /** The service whose exit code is the command's. */
  readonly codeFrom: string
  readonly timeoutS: number | undefined
  readonly around: Surroundings
}

/** As a shell reports a program that SIGINT ended. */
export const EXIT_INTERRUPTED = 130

/** Answers the exit code. */
export async function runAttached(run: AttachedRun): Promise<number> {
  const attached = new Attached(run)
  return await attached.run()
}

class Attached {
  #containers: Container[] = []
  /** The first end that counts, for the exit code. */
  #decided: number | undefined
  #stopping: Promise<void> | undefined
  #interrupts = 0
  readonly #watches = new Map<string, Promise<void>>()

  constructor(readonly how: AttachedRun) {}

  async run(): Promise<number> {
    const { context, project, services, shown, prefixes, around } = this.how
    const { engine, session } = context
    const found = await findContainers(engine, project.name)
    this.#containers = found.filter(({ service, oneoff }) => !oneoff && services.has(service))
    const names = this.#containers
      .filter(({ service }) => shown.has(service))
      .map(({ name }) => shortName(project.name, name))
    for (const name of names) prefixes.expect(name)
    await write(session.stdout, `Attaching to ${names.join(', ')}\n`)
    const forget = session.onSignal(signal => {
      if (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'].includes(signal)) this.#interrupt()
    })
    try {
      for (const container of this.#containers) if (container.running) this.#watch(container, String(Date.now() / 1000))
      const quiet: Surroundings = { ...around, report: () => undefined }
      await startExisting(engine, project, this.#containers, quiet, name => this.#started(name)).catch(async error => {
        if (this.#interrupts > 0) return
        await this.#stop()
        throw error
      })
      await this.#allEnded()
      await this.#stopping
    } finally {
      forget()
    }
    return this.#interrupts > 0 ? EXIT_INTERRUPTED : (this.#decided ?? 0)
  }

  /** Watches are added while others end. */
  async #allEnded(): Promise<void> {
    for (let known = -1; known !== this.#watches.size; ) {
      known = this.#watches.size
      await Promise.all(this.#watches.values())
    }
  }

  #started(name: string): void {
    const container = this.#containers.find(item => item.name === name)
    if (container) this.#watch(container, undefined)
  }

  #watch(container: Container, since: string | undefined): void {
    if (this.#watches.has(container.id)) return
    const watch = this.#follow(container, since)
    // Awaited when all have started; until then a failure must not count as unhandled.
    watch.catch(() => undefined)
    this.#watches.set(container.id, watch)
  }

  /** Until it has ended for good: its policy may start it again. */
  async #follow(container: Container, from: string | undefined): Promise<void> {
    const { context, project, shown, timestamps } = this.how
    const { engine, session } = context
    let since = from ?? (await startOf(engine, container.id))
    for (;;) {
      const { outcome } = await beginWait(engine, container.id)
      if (shown.has(container.service)) await this.#show(container, { follow: true, since, timestamps })
      const code = await outcome
      const { State } = await engine.get<{ State: { Running: boolean; Restarting: boolean; FinishedAt: string } }>(
        `/containers/${container.id}/json`,
      )
      if (shown.has(container.service))
        await write(session.stdout, `${shortName(project.name, container.name)} exited with code ${code}\n`)
      if (!State.Running && !State.Restarting) return this.#ended(container, code)
      since = apiMoment(State.FinishedAt)
      await waitWhileRestarting(engine, container.id)
    }
  }

  async #show(container: Container, query: Query): Promise<void> {
    const { context, prefixes, around } = this.how
    await showLogs(context, container, prefixes, query).catch(error => {
      // `driver: none` and others keep nothing that could be shown; the container runs all the same.
      if (!(error instanceof ApiError)) throw error
      around.warn(`${container.name}: ${error.reason}`)
    })
  }

  #ended({ service }: Container, code: number): void {
    const { abortOn, codeFrom, context } = this.how
    const counts = codeFrom === '' || codeFrom === service
    if (counts && this.#decided === undefined && abortOn !== 'never' && (abortOn === 'exit' || code !== 0))
      this.#decided = code
    if (this.#stopping || abortOn === 'never' || (abortOn === 'failure' && code === 0)) return
    context.session.stderr.write('Aborting on container exit...\n')
    this.#stopping = this.#stop()
  }

  #interrupt(): void {
    this.#interrupts++
    const { context } = this.how
    if (this.#interrupts === 1) {
      context.session.stderr.write('Gracefully stopping... (press Ctrl+C again to force)\n')
      this.#stopping = this.#stop()
    } else if (this.#interrupts === 2) {
      for (const { id } of this.#containers) void context.engine.post(`/containers/${id}/kill`).catch(() => undefined)
    }
  }

  async #stop(): Promise<void> {
    const { context, project, services, timeoutS } = this.how
    const now = (await findContainers(context.engine, project.name)).filter(
      ({ service, oneoff, running }) => running && !oneoff && services.has(service),
    )
    const { session, globals } = context
    // Line by line: what is drawn over would take lines of the logs with it, which still come.
    const progress = globals.progress === 'quiet' ? 'quiet' : 'plain'
    await withProgress({ session, globals: { ...globals, progress } }, around =>
      inReverse(project, now, container => stopGracefully(context.engine, container, around, timeoutS, project)),
    )
  }
}

const startOf = async (engine: ComposeContext['engine'], id: string): Promise<string> =>
  apiMoment((await engine.get<{ State: { StartedAt: string } }>(`/containers/${id}/json`)).State.StartedAt)

/** 2026-11-21T13:06:03.123456789Z as logs take it: 1795266363.123456789. */
function apiMoment(iso: string): string {
  const fraction = /\.(\d+)/.exec(iso)?.[1] ?? '0'
  return `${Math.trunc(Date.parse(iso) / 1000)}.${fraction.padEnd(9, '0')}`
}

const RESTART_POLL_MS = 100

/** Between two runs a follower would be sent away. */
async function waitWhileRestarting(engine: ComposeContext['engine'], id: string): Promise<void> {
  for (;;) {
    const { State } = await engine.get<{ State: { Status: string } }>(`/containers/${id}/json`)
    if (State.Status !== 'restarting') return
    await new Promise(resolve => setTimeout(resolve, RESTART_POLL_MS))
  }
}

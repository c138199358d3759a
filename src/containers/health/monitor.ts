/** Runs a container's health check again and again while it runs. One monitor per running container that has a check. */

import type { HealthConfig, HealthState } from '../types.ts'
import { judge, KEPT_OUTPUT_BYTES, STARTING } from './verdict.ts'

/** Docker's defaults. */
const DEFAULT_INTERVAL_NS = 30e9
const DEFAULT_TIMEOUT_NS = 30e9
const DEFAULT_START_INTERVAL_NS = 5e9
const DEFAULT_RETRIES = 3
const NS_PER_MS = 1e6

export interface Probe {
  /** Runs a command in the container and waits for its end. Killed when `signal` fires. Output is stdout and stderr together. */
  run(argv: string[], signal: AbortSignal, maxOutputBytes: number): Promise<{ exitCode: number; output: string }>
}

/** The command of a check; null if there is none, or it is switched off. `shell`: the image's SHELL. */
export function probeCommand({ test }: HealthConfig, shell: string[] | null): string[] | null {
  const [kind, ...words] = test
  if (kind === 'CMD' && words.length > 0) return words
  if (kind === 'CMD-SHELL' && words[0]) return [...(shell ?? ['/bin/sh', '-c']), words[0]]
  return null
}

export class HealthMonitor {
  state: HealthState = STARTING
  #timer: NodeJS.Timeout | null = null
  #stopped = false
  readonly #abort = new AbortController()
  /** Of a clock that nobody sets. */
  readonly #startedAtMs = performance.now()

  constructor(
    private readonly check: HealthConfig,
    private readonly command: string[],
    private readonly probe: Probe,
    /** After each probe, with what changed. */
    private readonly onResult: (state: HealthState, isChange: boolean) => void,
  ) {
    this.schedule()
  }

  /** The container has ended or is paused. A probe that runs is killed and does not count. */
  stop(): void {
    this.#stopped = true
    this.#abort.abort()
    if (this.#timer) clearTimeout(this.#timer)
  }

  private schedule(): void {
    const { intervalNs, startIntervalNs } = this.check
    const inStartPeriod = this.state.status === 'starting' && performance.now() - this.#startedAtMs < this.startPeriodMs
    const ns = inStartPeriod
      ? startIntervalNs || Math.min(DEFAULT_START_INTERVAL_NS, intervalNs || DEFAULT_INTERVAL_NS)
      : intervalNs || DEFAULT_INTERVAL_NS
    this.#timer = setTimeout(() => void this.runOnce(), ns / NS_PER_MS)
    this.#timer.unref()
  }

  private async runOnce(): Promise<void> {
    const start = new Date().toISOString()
    const { exitCode, output } = await this.probeWithin(this.check.timeoutNs || DEFAULT_TIMEOUT_NS)
    if (this.#stopped) return
    const result = { start, end: new Date().toISOString(), exitCode, output }
    const rules = { retries: this.check.retries || DEFAULT_RETRIES, startPeriodMs: this.startPeriodMs }
    const before = this.state.status
    this.state = judge(this.state, result, rules, performance.now() - this.#startedAtMs)
    this.onResult(this.state, this.state.status !== before)
    this.schedule()
  }

  private async probeWithin(timeoutNs: number): Promise<{ exitCode: number; output: string }> {
    const timeout = AbortSignal.timeout(timeoutNs / NS_PER_MS)
    try {
      const result = await this.probe.run(
        this.command,
        AbortSignal.any([timeout, this.#abort.signal]),
        KEPT_OUTPUT_BYTES,
      )
      return timeout.aborted ? exceeded(timeoutNs) : result
    } catch (error) {
      return timeout.aborted ? exceeded(timeoutNs) : { exitCode: -1, output: String(error) }
    }
  }

  private get startPeriodMs(): number {
    return this.check.startPeriodNs / NS_PER_MS
  }
}

const exceeded = (timeoutNs: number) => ({
  exitCode: -1,
  output: `Health check exceeded timeout (${timeoutNs / 1e9}s)`,
})

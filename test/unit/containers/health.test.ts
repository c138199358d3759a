import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { HealthMonitor, probeCommand } from '../../../src/containers/health/monitor.ts'
import { judge, STARTING } from '../../../src/containers/health/verdict.ts'
import type { HealthConfig, HealthState } from '../../../src/containers/types.ts'

const result = (exitCode: number) => ({ start: '', end: '', exitCode, output: '' })
const rules = { retries: 3, startPeriodMs: 1000 }
const verdictAfter = (results: number[], sinceStartMs: number): HealthState =>
  results.reduce((state, exitCode) => judge(state, result(exitCode), rules, sinceStartMs), STARTING)

describe('the verdict on a container', () => {
  it('is healthy after one success, unhealthy after as many failures in a row as retries', () => {
    expect(verdictAfter([0], 5000)).toMatchObject({ status: 'healthy', failingStreak: 0 })
    expect(verdictAfter([0, 1, 1], 5000)).toMatchObject({ status: 'healthy', failingStreak: 2 })
    expect(verdictAfter([0, 1, 1, 1], 5000)).toMatchObject({ status: 'unhealthy', failingStreak: 3 })
    expect(verdictAfter([1, 1, 1, 0], 5000)).toMatchObject({ status: 'healthy', failingStreak: 0 })
  })

  it('does not count failures in the start period, until something has succeeded', () => {
    expect(verdictAfter([1, 1, 1, 1], 10)).toMatchObject({ status: 'starting', failingStreak: 0 })
    expect(verdictAfter([0, 1, 1, 1], 10)).toMatchObject({ status: 'unhealthy' })
  })

  it('remembers the last five results', () => {
    const { log } = verdictAfter([1, 2, 3, 4, 5, 6], 5000)
    expect(log.map(entry => entry.exitCode)).toEqual([2, 3, 4, 5, 6])
  })
})

const check = (partial: Partial<HealthConfig>): HealthConfig => ({
  test: ['CMD', 'check'],
  intervalNs: 1e6,
  timeoutNs: 0,
  startPeriodNs: 0,
  startIntervalNs: 0,
  retries: 2,
  ...partial,
})

describe('a monitor', () => {
  it('knows the command of every form', () => {
    expect(probeCommand(check({}), null)).toEqual(['check'])
    expect(probeCommand(check({ test: ['CMD-SHELL', 'a | b'] }), null)).toEqual(['/bin/sh', '-c', 'a | b'])
    expect(probeCommand(check({ test: ['CMD-SHELL', 'a'] }), ['/bin/bash', '-lc'])).toEqual(['/bin/bash', '-lc', 'a'])
    expect(probeCommand(check({ test: ['NONE'] }), null)).toBeNull()
    expect(probeCommand(check({ test: [] }), null)).toBeNull()
  })

  it('probes until it is stopped, and tells when the verdict changes', async () => {
    const exits = [1, 1, 0]
    const seen: [string, boolean][] = []
    const unhealthyAndBack = new Promise<void>(resolve => {
      const monitor = new HealthMonitor(
        check({}),
        ['check'],
        { run: async () => ({ exitCode: exits.shift() ?? 0, output: 'said' }) },
        (state, isChange) => {
          seen.push([state.status, isChange])
          if (state.status !== 'healthy') return
          monitor.stop()
          resolve()
        },
      )
    })
    const alive = setInterval(() => {}, 1000)
    await unhealthyAndBack
    clearInterval(alive)
    expect(seen).toEqual([
      ['starting', false],
      ['unhealthy', true],
      ['healthy', true],
    ])
  })

  it('counts a probe that takes too long as a failure, in Docker’s words', async () => {
    const state = await new Promise<HealthState>(resolve => {
      const monitor = new HealthMonitor(
        check({ timeoutNs: 5e6 }),
        ['check'],
        {
          run: (_argv, signal) =>
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        },
        verdict => {
          monitor.stop()
          resolve(verdict)
        },
      )
      setTimeout(() => {}, 1000).unref()
      void pause(500)
    })
    expect(state.log[0]).toMatchObject({ exitCode: -1, output: 'Health check exceeded timeout (0.005s)' })
  })
})

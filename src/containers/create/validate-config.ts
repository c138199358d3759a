/** Refuses what no container can have, in the words that Docker has for it. The portable part: ContainerConfig. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { signalNumber } from '../signals.ts'
import type { ContainerConfig, HealthConfig } from '../types.ts'

const MS_IN_NS = 1_000_000

/** @throws InvalidParameter */
export function validateConfig(config: ContainerConfig): void {
  for (const entry of config.env) {
    if (entry === '' || entry.startsWith('=')) throw new InvalidParameter(`invalid environment variable: ${entry}`)
  }
  if (config.stopSignal !== '') signalNumber(config.stopSignal)
  if (config.workingDir !== '' && !config.workingDir.startsWith('/')) {
    throw new InvalidParameter(
      `the working directory '${config.workingDir}' is invalid, it needs to be an absolute path`,
    )
  }
  if (config.healthcheck !== null) validateHealth(config.healthcheck)
  refuseNul('environment', config.env)
  refuseNul('command', [...(config.entrypoint ?? []), ...(config.cmd ?? [])])
}

/** What the kernel takes as the end of a string would silently be cut off. */
function refuseNul(what: string, values: readonly string[]): void {
  if (values.some(value => value.includes('\0'))) throw new InvalidParameter(`invalid ${what}: it contains a NUL byte`)
}

function validateHealth(health: HealthConfig): void {
  const atLeast1ms: [string, number][] = [
    ['Interval', health.intervalNs],
    ['Timeout', health.timeoutNs],
    ['StartPeriod', health.startPeriodNs],
    ['StartInterval', health.startIntervalNs],
  ]
  for (const [name, valueNs] of atLeast1ms) {
    if (valueNs !== 0 && valueNs < MS_IN_NS) {
      throw new InvalidParameter(`${name} in Healthcheck cannot be less than 1ms`)
    }
  }
  if (health.retries < 0) throw new InvalidParameter('Retries in Healthcheck cannot be negative')
  const [kind] = health.test
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind)) {
    throw new InvalidParameter(`Unknown healthcheck type '${kind}'`)
  }
}

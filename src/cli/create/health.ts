/** --health-* and --no-healthcheck. */

import type { CreateOptions } from './flags.ts'

/** undefined: as the image says. @throws Error */
export function healthcheck(options: CreateOptions, given: ReadonlySet<string>): object | undefined {
  const any = [...given].some(name => name.startsWith('health-'))
  if (options['no-healthcheck']) {
    if (any) throw new Error('--no-healthcheck conflicts with --health-* options')
    return { Test: ['NONE'] }
  }
  if (!any) return undefined
  const positive = (name: string, value: number) => {
    if (value < 0) throw new Error(`--${name} cannot be negative`)
    return value
  }
  return {
    ...(options['health-cmd'] && { Test: ['CMD-SHELL', options['health-cmd']] }),
    Interval: positive('health-interval', options['health-interval']),
    Timeout: positive('health-timeout', options['health-timeout']),
    StartPeriod: positive('health-start-period', options['health-start-period']),
    StartInterval: positive('health-start-interval', options['health-start-interval']),
    Retries: positive('health-retries', options['health-retries']),
  }
}

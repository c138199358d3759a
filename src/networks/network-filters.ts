/** `docker network ls --filter` and `network prune --filter`. */

import { booleanOf } from '../kernel/booleans.ts'
import { InvalidParameter } from '../kernel/errors.ts'
import { momentMs } from '../kernel/moment.ts'
import { matchesPattern } from '../kernel/name-pattern.ts'
import { PREDEFINED } from './plan-network.ts'
import type { Network, NetworkFilters } from './types.ts'

type Test = (network: Network, value: string) => boolean

const hasLabel: Test = ({ labels }, value) => {
  const [key = '', ...rest] = value.split('=')
  return key in labels && (rest.length === 0 || labels[key] === rest.join('='))
}

function until(value: string): number {
  try {
    return momentMs(value)
  } catch (cause) {
    throw new InvalidParameter(`failed to parse value as time or duration: "${value}"`, { cause })
  }
}

const TESTS: Record<string, Test> = {
  driver: (network, value) => network.driver === value,
  id: (network, value) => matchesPattern(network.id, value),
  name: (network, value) => matchesPattern(network.name, value),
  label: hasLabel,
  'label!': (network, value) => !hasLabel(network, value),
  scope: (network, value) => network.scope === value,
  type: (network, value) => {
    if (value !== 'builtin' && value !== 'custom') throw new InvalidParameter(`invalid filter: 'type'='${value}'`)
    return (value === 'builtin') === PREDEFINED.includes(network.name)
  },
  dangling: (network, value) =>
    isTrue(value) === (Object.keys(network.containers).length === 0 && !PREDEFINED.includes(network.name)),
  until: (network, value) => Date.parse(network.created) <= until(value),
}

/** A network passes if it meets every key, by any of the key's values; of labels all must be met. @throws InvalidParameter */
export function matchesFilters(network: Network, filters: NetworkFilters): boolean {
  return Object.entries(filters).every(([key, values]) => {
    const test = TESTS[key]
    if (!test) throw new InvalidParameter(`invalid filter '${key}'`)
    if (values.length === 0) return true
    return key.startsWith('label')
      ? values.every(value => test(network, value))
      : values.some(value => test(network, value))
  })
}

function isTrue(value: string): boolean {
  const given = booleanOf(value)
  if (given === undefined)
    throw new InvalidParameter(`invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`)
  return given
}

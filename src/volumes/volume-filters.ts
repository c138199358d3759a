/** `docker volume ls --filter` and `volume prune --filter`. */

import { booleanOf } from '../kernel/booleans.ts'
import { InvalidParameter } from '../kernel/errors.ts'
import { matchesPattern } from '../kernel/name-pattern.ts'
import type { Volume, VolumeFilters } from './types.ts'

const hasLabel = ({ labels }: Volume, value: string): boolean => {
  const [key = '', ...rest] = value.split('=')
  return key in labels && (rest.length === 0 || labels[key] === rest.join('='))
}

/** @throws InvalidParameter for a key or a boolean that does not exist */
export function matchesFilters(volume: Volume, filters: VolumeFilters, isUsed: (volume: Volume) => boolean): boolean {
  return Object.entries(filters).every(([key, values]) => {
    if (values.length === 0) return true
    switch (key) {
      case 'name':
        return values.some(value => matchesPattern(volume.name, value))
      case 'driver':
        return values.includes(volume.driver)
      case 'label':
        return values.every(value => hasLabel(volume, value))
      case 'label!':
        return !values.some(value => hasLabel(volume, value))
      case 'dangling':
        return values.some(value => isTrue(value) !== isUsed(volume))
      default:
        throw new InvalidParameter(`invalid filter '${key}'`)
    }
  })
}

function isTrue(value: string): boolean {
  const given = booleanOf(value)
  if (given === undefined) throw new InvalidParameter(`invalid filter 'dangling=[${value}]'`)
  return given
}

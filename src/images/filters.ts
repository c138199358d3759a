/** Which images a list shows. Docker's words and rules: `docker images --filter`, `docker image prune --filter`. */

import { InvalidParameter } from '../kernel/errors.ts'
import { durationNs } from './instructions.ts'
import { familiarRepository, parseReference } from './references.ts'
import type { Image, ImageFilters } from './types.ts'

/** `before` and `since` with their images looked up. */
export interface ResolvedFilters extends Omit<ImageFilters, 'before' | 'since'> {
  before: Image[]
  since: Image[]
}

/** The image as the list shows it, or undefined. A reference filter also hides the names that do not match it. */
export function applyFilters(image: Image, filters: ResolvedFilters, nowMs: number): Image | undefined {
  const created = createdMs(image)
  const isDangling = image.repoTags.length === 0 && image.repoDigests.length === 0
  if (filters.dangling !== undefined && filters.dangling !== isDangling) return undefined
  if (filters.before.some(other => created >= createdMs(other))) return undefined
  if (filters.since.some(other => created <= createdMs(other))) return undefined
  if ((filters.until ?? []).some(until => created > untilMs(until, nowMs))) return undefined
  if (!(filters.label ?? []).every(label => hasLabel(image, label))) return undefined
  if ((filters.labelNot ?? []).some(label => hasLabel(image, label))) return undefined
  const patterns = filters.reference ?? []
  if (patterns.length === 0) return image
  const repoTags = image.repoTags.filter(name => patterns.some(pattern => matchesReference(name, pattern)))
  const repoDigests = image.repoDigests.filter(name => patterns.some(pattern => matchesReference(name, pattern)))
  return repoTags.length + repoDigests.length === 0 ? undefined : { ...image, repoTags, repoDigests }
}

export const createdMs = ({ created }: Image): number => (created === undefined ? 0 : Date.parse(created))

function hasLabel({ config }: Image, label: string): boolean {
  const equals = label.indexOf('=')
  if (equals === -1) return label in config.labels
  return config.labels[label.slice(0, equals)] === label.slice(equals + 1)
}

function matchesReference(name: string, pattern: string): boolean {
  const expression = globExpression(pattern)
  return expression.test(name) || expression.test(familiarRepository(parseReference(name)))
}

/** Go's path.Match: * and ? stop at a slash. */
function globExpression(pattern: string): RegExp {
  const source = pattern.replace(/\\.|\[[^\]]*\]|[*?.+^${}()|/]/g, token => {
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('[') || token.startsWith('\\')) return token
    return `\\${token}`
  })
  try {
    return new RegExp(`^${source}$`)
  } catch (error) {
    throw new InvalidParameter(`syntax error in pattern ${JSON.stringify(pattern)}`, { cause: error })
  }
}

/** A date, seconds since 1970, or a duration back from now. */
function untilMs(until: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(until)) return Number(until) * 1000
  const date = Date.parse(until)
  return Number.isNaN(date) ? nowMs - durationNs(until) / 1e6 : date
}

/** One scenario on two engines: run it on both, take out what differs by nature, and list what differs all the same. */

import type { Json } from './client.ts'
import type { Engine } from './engine.ts'

export interface Pair<T> {
  skiff: T
  docker: T
}

/** Runs the scenario on both engines at the same time; what it answers is normalised. */
export async function onBoth<T>(engines: Pair<Engine>, scenario: (engine: Engine) => Promise<T>): Promise<Pair<T>> {
  const [skiff, docker] = await Promise.all(
    [engines.skiff, engines.docker].map(async engine => normalise(await scenario(engine), engine)),
  )
  return { skiff: skiff as T, docker: docker as T }
}

/** In this order: an id is hexadecimal as well. What is replaced keeps a name, so that its absence is still seen. */
const BY_NATURE: [RegExp, string][] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, 'TIME'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC'],
  [/\b[0-9a-f]{64}\b/g, 'ID'],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12}\b/g, 'SHORT-ID'],
  // One in three hundred has no letter.
  [/\b\d{12}\b/g, 'SHORT-ID'],
]

/** Replaces times, ids, MAC addresses and the engine's own folder in every string, keys included. */
export function normalise<T>(value: T, engine: Engine): T {
  const text = (string: string): string =>
    BY_NATURE.reduce(
      (result, [pattern, name]) => result.replace(pattern, name),
      string.replaceAll(engine.folder, 'FOLDER'),
    )
  const walk = (item: Json): Json => {
    if (typeof item === 'string') return text(item)
    if (Array.isArray(item)) return item.map(walk)
    if (item === null || typeof item !== 'object') return item
    return Object.fromEntries(Object.entries(item).map(([key, child]) => [text(key), walk(child)]))
  }
  return walk(value)
}

/** A path as `HostConfig.Binds[0]`, or a pattern of paths → why skiff may differ there. */
export type Allowed = [path: string | RegExp, reason: string][]

/** Where two values differ: `State.Pid: skiff 12, docker 7`; none when all is the same or allowed. */
export function differences({ skiff, docker }: Pair<unknown>, allowed: Allowed = []): string[] {
  const found: string[] = []
  const visit = (a: Json, b: Json, path: string): void => {
    if (allowed.some(([place]) => (typeof place === 'string' ? place === path : place.test(path)))) return
    if (isTree(a) && isTree(b) && Array.isArray(a) === Array.isArray(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
        visit(a[key], b[key], step(path, key, Array.isArray(a)))
    } else if (!Object.is(a, b)) {
      found.push(`${path || '(all)'}: skiff ${show(a)}, docker ${show(b)}`)
    }
  }
  visit(skiff, docker, '')
  return found
}

const isTree = (value: Json): boolean => typeof value === 'object' && value !== null
const show = (value: Json): string => (value === undefined ? 'nothing' : JSON.stringify(value))
const step = (path: string, key: string, inArray: boolean): string =>
  inArray ? `${path}[${key}]` : path ? `${path}.${key}` : key

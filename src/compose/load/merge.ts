/**
 * Several files made one: maps are merged, lists appended, scalars replaced, and some keys have rules of their own.
 * Source: compose-spec, "Merge and override".
 */

import { type Entry, listNode, type MapNode, mapNode, type Node, scalarNode, withEntries } from '../source/node.ts'

/** How two values of one place become one. */
type Rule = (below: Node, above: Node, path: readonly string[]) => Node

/** `later` over `earlier`; keys marked `!reset` are gone afterwards. */
export function merge(earlier: Node, later: Node, path: readonly string[] = []): Node {
  if (later.tag === 'override') return settle({ ...later, tag: undefined }, path)
  return ruleFor(path)(earlier, later, path)
}

/** A tree on its own: short forms of what is merged by its rules stay, `!reset` takes effect. */
export function settle(node: Node, path: readonly string[] = []): Node {
  if (node.kind === 'list')
    return {
      ...node,
      tag: undefined,
      items: node.items.filter(({ tag }) => tag !== 'reset').map(item => settle(item, path)),
    }
  if (node.kind === 'scalar') return { ...node, tag: undefined }
  const kept = [...node.entries].filter(([, { value }]) => value.tag !== 'reset')
  return {
    ...withEntries(
      node,
      kept.map(([key, { at, value }]) => [key, { at, value: settle(value, [...path, key]) }] as const),
    ),
    tag: undefined,
  }
}

const mergeMaps = (below: MapNode, above: MapNode, path: readonly string[]): MapNode => {
  const entries = new Map<string, Entry>(below.entries)
  for (const [key, { at, value }] of above.entries) {
    const present = entries.get(key)
    if (value.tag === 'reset') entries.delete(key)
    else {
      const inner = [...path, key]
      entries.set(key, {
        at,
        value: present ? merge(present.value, value, inner) : settle({ ...value, tag: undefined }, inner),
      })
    }
  }
  return mapNode(above.at, entries)
}

const general: Rule = (below, above, path) => {
  if (below.kind === 'map' && above.kind === 'map') return mergeMaps(below, above, path)
  if (below.kind === 'list' && above.kind === 'list')
    return listNode(above.at, [...below.items, ...above.items.map(item => settle(item, path))])
  // Nothing said, as in `volumes: { data: }`, takes nothing away.
  if (above.kind === 'scalar' && above.value === null && path.length === 2) return below
  return settle(above, path)
}

const replace: Rule = (_below, above, path) => settle(above, path)

/** A rule for values that have a short form: both are made long first. */
const asLong =
  (lengthen: (node: Node) => Node): Rule =>
  (below, above, path) =>
    general(lengthen(below), lengthen(above), path)

/** `[A=1, B]` or `{A: 1, B: null}`. */
const pairs = asLong(node =>
  node.kind === 'list'
    ? mapNode(
        node.at,
        node.items.map(item => pair(item, '=')),
      )
    : node,
)

/** `[host:ip]`, `[host=ip]` or `{host: ip}`; a name may have several addresses. */
const hosts = asLong(node =>
  node.kind === 'list'
    ? mapNode(
        node.at,
        node.items.map(item => pair(item, /[=:]/)),
      )
    : node,
)

/** `[a, b]` or `{a: {…}, b: null}`. */
const named = (initial: (node: Node) => Node) =>
  asLong(node =>
    node.kind === 'list'
      ? mapNode(
          node.at,
          node.items.map(item => [textOf(item), { at: item.at, value: initial(item) }] as const),
        )
      : node,
  )

const lists = asLong(node => (node.kind === 'list' ? node : listNode(node.at, [node])))

const dependencies = named(({ at }) => mapNode(at, [['condition', { at, value: scalarNode(at, 'service_started') }]]))
const networks = named(({ at }) => scalarNode(at, null))
const build = asLong(node =>
  node.kind === 'scalar' ? mapNode(node.at, [['context', { at: node.at, value: node }]]) : node,
)

/** Options belong to a driver: another one starts anew. */
const logging: Rule = (below, above, path) => {
  const driverOf = (node: Node) => (node.kind === 'map' ? node.entries.get('driver')?.value : undefined)
  const [before, now] = [driverOf(below), driverOf(above)]
  return before && now && textOf(before) !== textOf(now) ? settle(above, path) : general(below, above, path)
}

const RULES: readonly (readonly [pattern: string, rule: Rule])[] = [
  ['services.*.annotations', pairs],
  ['services.*.build', build],
  ['services.*.build.args', pairs],
  ['services.*.build.additional_contexts', pairs],
  ['services.*.build.extra_hosts', hosts],
  ['services.*.build.labels', pairs],
  ['services.*.command', replace],
  ['services.*.depends_on', dependencies],
  ['services.*.deploy.labels', pairs],
  ['services.*.dns', lists],
  ['services.*.dns_opt', lists],
  ['services.*.dns_search', lists],
  ['services.*.entrypoint', replace],
  ['services.*.env_file', lists],
  ['services.*.environment', pairs],
  ['services.*.extra_hosts', hosts],
  ['services.*.healthcheck.test', replace],
  ['services.*.label_file', lists],
  ['services.*.labels', pairs],
  ['services.*.logging', logging],
  ['services.*.networks', networks],
  ['services.*.sysctls', pairs],
  ['services.*.tmpfs', lists],
  ['networks.*.labels', pairs],
  ['volumes.*.labels', pairs],
  ['secrets.*.labels', pairs],
  ['configs.*.labels', pairs],
]

function ruleFor(path: readonly string[]): Rule {
  const found = RULES.find(([pattern]) => {
    const words = pattern.split('.')
    return words.length === path.length && words.every((word, i) => word === '*' || word === path[i])
  })
  return found?.[1] ?? general
}

const textOf = (node: Node): string => (node.kind === 'scalar' ? String(node.value ?? '') : '')

function pair(item: Node, separator: string | RegExp): [string, Entry] {
  const text = textOf(item)
  const at = text.search(separator instanceof RegExp ? separator : /=/)
  return at < 0
    ? [text, { at: item.at, value: scalarNode(item.at, null) }]
    : [text.slice(0, at), { at: item.at, value: scalarNode(item.at, text.slice(at + 1)) }]
}

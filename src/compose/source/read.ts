/** From YAML to a tree of nodes. Sources: YAML 1.2.2; the merge key `<<` of YAML 1.1; compose-spec, "Merge" (tags). */

import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type Node as YamlNode,
} from 'yaml'
import { ComposeError } from '../errors.ts'
import {
  type Entry,
  listNode,
  type MapNode,
  type MergeTag,
  mapNode,
  type Node,
  type Position,
  type Source,
  scalarNode,
} from './node.ts'

/** Aliases of aliases grow without bound from a few lines ("billion laughs"): no real file has so many parts. */
const MOST_NODES = 200_000

/** @throws ComposeError for what is no YAML, at its line and column */
export function readYaml(text: string, source: Source): Node {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    customTags: [tag('!reset'), tag('!override')].flat(),
  })
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { source, line, column: col }
  }
  const [failure] = document.errors
  if (failure) throw new ComposeError(`yaml: ${failure.message}`, place(failure.pos[0]))
  const reader = new Reader(place, alias => alias.resolve(document))
  return document.contents ? reader.read(document.contents as YamlNode) : scalarNode(place(0), null)
}

/** A tag that keeps its value as it is, on scalars and collections. */
const tag = (name: string) => [
  { tag: name, resolve: (value: string) => value },
  { tag: name, collection: 'map' as const, resolve: <T>(value: T) => value },
  { tag: name, collection: 'seq' as const, resolve: <T>(value: T) => value },
]

class Reader {
  #count = 0
  /** The anchors that are being read: an alias to one of them would contain itself. */
  readonly #open = new Set<YamlNode>()

  constructor(
    readonly place: (offset: number) => Position,
    readonly resolve: (alias: Alias) => YamlNode | undefined,
  ) {}

  read(node: YamlNode): Node {
    const at = this.place(node.range?.[0] ?? 0)
    if (++this.#count > MOST_NODES) throw new ComposeError('yaml: document contains excessive aliasing', at)
    if (isAlias(node)) return this.#alias(node, at)
    const mark = MERGE_TAGS[node.tag ?? '']
    return mark ? { ...this.#plain(node, at), tag: mark } : this.#plain(node, at)
  }

  #plain(node: YamlNode, at: Position): Node {
    this.#open.add(node)
    try {
      if (isMap(node)) return this.#map(node, at)
      if (isSeq(node))
        return listNode(
          at,
          node.items.map(item => this.read(item as YamlNode)),
        )
      if (isScalar(node)) return scalar(node, at)
      throw new ComposeError('yaml: what this is cannot be told', at)
    } finally {
      this.#open.delete(node)
    }
  }

  #alias(alias: Alias, at: Position): Node {
    const target = this.resolve(alias)
    if (!target) throw new ComposeError(`yaml: unknown anchor '${alias.source}' referenced`, at)
    if (this.#open.has(target)) throw new ComposeError(`yaml: anchor '${alias.source}' value contains itself`, at)
    return this.read(target)
  }

  #map(map: YAMLMap, at: Position): MapNode {
    const own: [string, Entry][] = []
    const inherited: [string, Entry][] = []
    for (const pair of map.items as Pair<YamlNode, YamlNode | null>[]) {
      const keyAt = this.place(pair.key.range?.[0] ?? 0)
      if (!isScalar(pair.key)) throw new ComposeError('yaml: a key must be a scalar', keyAt)
      const value = pair.value ? this.read(pair.value) : scalarNode(keyAt, null)
      if (pair.key.value === '<<' && pair.key.type === 'PLAIN') inherited.push(...merged(value))
      else own.push([String(pair.key.source ?? pair.key.value ?? ''), { at: keyAt, value }])
    }
    // Of several merged maps the first counts, and what is written beside `<<` more than all.
    return mapNode(at, [...inherited.reverse(), ...own])
  }
}

function merged(value: Node): [string, Entry][] {
  const maps = value.kind === 'list' ? value.items : [value]
  return maps.flatMap(map => {
    if (map.kind !== 'map')
      throw new ComposeError('yaml: map merge requires map or sequence of maps as the value', map.at)
    return [...map.entries].reverse()
  })
}

const MERGE_TAGS: Readonly<Record<string, MergeTag>> = { '!reset': 'reset', '!override': 'override' }

function scalar(node: Scalar, at: Position): Node {
  const { value } = node
  const text = node.source ?? String(value ?? '')
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null)
    return { kind: 'scalar', at, value, text }
  return { kind: 'scalar', at, value: text, text }
}

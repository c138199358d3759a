/**
 * A compose file as a tree that knows where each of its parts stands: files are merged before they are understood, and a
 * mistake is still reported at the line where it was made.
 */

/** A file that is read, and the folder that the relative paths in it start from. */
export interface Source {
  /** As it is shown in messages. */
  readonly file: string
  readonly folder: string
  /** What `~` stands for. */
  readonly home?: string | undefined
}

/** Lines and columns count from 1. */
export interface Position {
  readonly source: Source
  readonly line: number
  readonly column: number
}

/** `!reset`: as if the key had never been written. `!override`: replaces what earlier files say, in place of merging. */
export type MergeTag = 'reset' | 'override'

interface NodeBase {
  readonly at: Position
  readonly tag?: MergeTag | undefined
}

export interface ScalarNode extends NodeBase {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  /** As it is written; `0644` is a number, and its reader may want it octal. */
  readonly text: string
}
export interface ListNode extends NodeBase {
  readonly kind: 'list'
  readonly items: readonly Node[]
}
export interface MapNode extends NodeBase {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Entry>
}
export interface Entry {
  /** Where the key stands. */
  readonly at: Position
  readonly value: Node
}
export type Node = ScalarNode | ListNode | MapNode

export const scalarNode = (at: Position, value: ScalarNode['value']): ScalarNode => ({
  kind: 'scalar',
  at,
  value,
  text: value === null ? '' : String(value),
})
export const listNode = (at: Position, items: readonly Node[]): ListNode => ({ kind: 'list', at, items })
export const mapNode = (at: Position, entries: Iterable<readonly [string, Entry]>): MapNode => ({
  kind: 'map',
  at,
  entries: new Map(entries),
})

/** The value of a key; undefined for what is no map or has no such key. */
export const childOf = (node: Node | undefined, key: string): Node | undefined =>
  node?.kind === 'map' ? node.entries.get(key)?.value : undefined

/** The map with other entries, at the same place. */
export const withEntries = (node: MapNode, entries: Iterable<readonly [string, Entry]>): MapNode => ({
  ...node,
  entries: new Map(entries),
})

/** A plain value, as JSON has it. */
export function toPlain(node: Node): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(toPlain)
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, toPlain(value)]))
  }
}

/** A plain value as a tree whose parts all stand at one place. */
export function fromPlain(value: unknown, at: Position): Node {
  if (Array.isArray(value))
    return listNode(
      at,
      value.map(item => fromPlain(item, at)),
    )
  if (typeof value === 'object' && value !== null)
    return mapNode(
      at,
      Object.entries(value).map(([key, item]) => [key, { at, value: fromPlain(item, at) }] as const),
    )
  return scalarNode(at, value as ScalarNode['value'])
}

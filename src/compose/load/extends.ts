/** `extends`: a service built upon another, of this file or of one elsewhere. Source: compose-spec, "extends". */

import { dirname } from 'node:path'
import { ComposeError } from '../errors.ts'
import { asMap, string, struct } from '../schema/decode.ts'
import { localPath } from '../schema/paths.ts'
import { childOf, type MapNode, type Node, withEntries } from '../source/node.ts'
import { merge } from './merge.ts'

/** A file, parsed and interpolated; relative paths in it start from `folder`. */
export type ReadTree = (file: string, folder: string) => Promise<Node>

const reference = struct({ file: string, service: string }, ['service'])

/** The tree with every service complete. @throws ComposeError */
export async function applyExtends(tree: Node, file: string, read: ReadTree): Promise<Node> {
  const services = childOf(tree, 'services')
  if (tree.kind !== 'map' || services?.kind !== 'map') return tree
  const entries: [string, MapNode['entries'] extends ReadonlyMap<string, infer E> ? E : never][] = []
  for (const [name, { at, value }] of services.entries)
    entries.push([name, { at, value: await complete(value, name, tree, file, read, []) }])
  const all = [...tree.entries].map(([key, entry]) =>
    key === 'services'
      ? ([key, { ...entry, value: withEntries(services, entries) }] as const)
      : ([key, entry] as const),
  )
  return withEntries(tree, all)
}

async function complete(
  service: Node,
  name: string,
  tree: Node,
  file: string,
  read: ReadTree,
  chain: readonly string[],
): Promise<Node> {
  const given = childOf(service, 'extends')
  if (!given || service.kind !== 'map') return service
  const path = `services.${name}.extends`
  const { file: otherFile, service: other = '' } =
    given.kind === 'scalar' ? { service: string(given, path), file: undefined } : reference(asMap(given, path), path)
  const link = `${file}#${name}`
  if (chain.includes(link))
    throw new ComposeError(`Circular reference:\n  ${[...chain, link].join('\n  extends ')}`, given.at)
  const target = otherFile === undefined ? file : localPath(otherFile, given.at)
  const from = otherFile === undefined ? tree : await read(target, dirname(target))
  const base = childOf(childOf(from, 'services'), other)
  if (!base)
    throw new ComposeError(
      `cannot extend service "${name}" in ${file}: service "${other}" not found in ${target}`,
      given.at,
    )
  const whole = await complete(base, other, from, target, read, [...chain, link])
  const own = withEntries(
    service,
    [...service.entries].filter(([key]) => key !== 'extends'),
  )
  return merge(whole, { ...own, tag: undefined }, ['services', name])
}

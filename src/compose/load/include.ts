/** `include`: whole projects taken into this one. Source: compose-spec, "include". */

import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ComposeError } from '../errors.ts'
import { stringOrList, struct } from '../schema/decode.ts'
import { localPath } from '../schema/paths.ts'
import { childOf, type Entry, type MapNode, mapNode, type Node, toPlain, withEntries } from '../source/node.ts'
import { exists } from './files.ts'

export interface Included {
  readonly files: readonly string[]
  readonly folder: string
  readonly envFiles: readonly string[]
}

const SECTIONS = ['services', 'networks', 'volumes', 'secrets', 'configs']

const long = struct({ path: stringOrList, project_directory: stringOrList, env_file: stringOrList }, ['path'])

/** What `include` of this tree names. */
export async function included(tree: Node): Promise<{ request: Included; at: Node }[]> {
  const given = childOf(tree, 'include')
  if (!given) return []
  if (given.kind !== 'list') throw new ComposeError('include must be a list', given.at)
  return await Promise.all(
    given.items.map(async (item, i) => {
      const {
        path = [],
        project_directory,
        env_file,
      } = item.kind === 'scalar'
        ? ({ path: stringOrList(item, `include.${i}`) } as ReturnType<typeof long>)
        : long(item, `include.${i}`)
      const files = path.map(file => localPath(file, item.at))
      const folder =
        project_directory?.[0] !== undefined ? localPath(project_directory[0], item.at) : dirname(files[0] ?? '')
      const ownEnv = join(folder, '.env')
      const envFiles = env_file
        ? env_file.map(file => localPath(file, item.at))
        : (await exists(ownEnv))
          ? [ownEnv]
          : []
      return { request: { files, folder, envFiles }, at: item }
    }),
  )
}

/** The tree with the other's services, networks and so on. What both have must be the same. @throws ComposeError */
export function takeIn(tree: Node, other: Node): Node {
  if (tree.kind !== 'map') return tree
  const entries = new Map<string, Entry>(tree.entries)
  for (const section of SECTIONS) {
    const theirs = childOf(other, section)
    if (theirs?.kind !== 'map') continue
    const ours = entries.get(section)
    const own: MapNode = ours?.value.kind === 'map' ? ours.value : mapNode(theirs.at, [])
    const united = new Map<string, Entry>(own.entries)
    for (const [name, entry] of theirs.entries) {
      const present = united.get(name)
      if (present && !isDeepStrictEqual(toPlain(present.value), toPlain(entry.value)))
        throw new ComposeError(
          `imported compose file ${entry.at.source.file} defines conflicting ${section}.${name}`,
          present.at,
        )
      if (!present) united.set(name, entry)
    }
    entries.set(section, { at: ours?.at ?? theirs.at, value: withEntries(own, united) })
  }
  entries.delete('include')
  return withEntries(tree, entries)
}

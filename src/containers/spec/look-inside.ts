/**
 * What a start must know of the container's own files: its users, and where the targets of its mounts really are. For that the root is
 * merged, which takes a millisecond; containers that have written nothing yet look like their image, and images are looked at once.
 */

import { readdirSync } from 'node:fs'
import { close } from '../../kernel/files.ts'
import { settleMounts } from '../../runtime/settle-mounts.ts'
import type { MountSpec } from '../../runtime/spec.ts'
import { readUserDatabase, type UserDatabase } from '../../runtime/users.ts'
import type { RootMount, Snapshots } from '../../snapshots/types.ts'

export interface Inside {
  database: UserDatabase
  mounts: MountSpec[]
}

const MOST_KEPT = 128
const known = new Map<string, Inside>()

/** `imageId`: what is below the container's own layer. */
export function lookInside(
  snapshots: Snapshots,
  root: RootMount,
  imageId: string,
  asked: readonly MountSpec[],
): Inside {
  if (!isUntouched(root)) return look(snapshots, root, asked)
  // Sources are the host's: they have no part in what is looked for.
  const key = `${imageId} ${below(root)} ${JSON.stringify(asked.map(withoutSource))}`
  const inside = known.get(key)
  if (inside !== undefined) return { ...inside, mounts: withSources(inside.mounts, asked) }
  const found = look(snapshots, root, asked)
  if (known.size >= MOST_KEPT) known.clear()
  known.set(key, found)
  return found
}

/** Snapshots that it stands on, which are this daemon's alone. */
const below = (root: RootMount): string =>
  root.kind === 'overlay' && root.frozen !== undefined
    ? `${root.layersDir} ${root.lower.slice(0, root.frozen).join()}`
    : ''

/** Nothing is in the upper folder: not by a process, nor by `docker cp`. */
const isUntouched = (root: RootMount): boolean => root.kind === 'overlay' && readdirSync(root.upper).length === 0

function look(snapshots: Snapshots, root: RootMount, asked: readonly MountSpec[]): Inside {
  const folder = snapshots.openMerged(root)
  try {
    return { database: readUserDatabase(folder), mounts: settleMounts(folder, asked) }
  } finally {
    close(folder)
  }
}

function withoutSource(mount: MountSpec): MountSpec {
  if (mount.kind !== 'bind') return mount
  const { tree: _, ...others } = mount
  return { ...others, source: '' }
}

const withSources = (settled: readonly MountSpec[], asked: readonly MountSpec[]): MountSpec[] =>
  settled.map((mount, index) => {
    const own = asked[index]
    if (mount.kind !== 'bind' || own?.kind !== 'bind') return mount
    const { tree: _, ...others } = mount
    return { ...others, source: own.source, ...(own.tree !== undefined && { tree: own.tree }) }
  })

/** From what a user typed to a container's id: an exact id, then a name, then the unambiguous beginning of an id. */

import { InvalidParameter, NotFound } from '../../kernel/errors.ts'
import type { ContainerId } from '../types.ts'

/**
 * @throws NotFound `No such container: x`, InvalidParameter if it is the beginning of several ids
 */
export function findId(
  ref: string,
  ids: { has(id: ContainerId): boolean; keys(): Iterable<ContainerId> },
  ownerOf: (name: string) => ContainerId | undefined,
): ContainerId {
  const exact = ref as ContainerId
  if (ids.has(exact)) return exact
  const named = ownerOf(ref.startsWith('/') ? ref.slice(1) : ref)
  // A name is reserved before its container exists: until then nobody finds it.
  if (named !== undefined && ids.has(named)) return named
  const found = /^[0-9a-f]{1,63}$/.test(ref) ? beginningWith(ref, ids.keys()) : []
  if (found.length > 1) throw new InvalidParameter(`Multiple IDs found with provided prefix: ${ref}`)
  if (found[0] === undefined) throw new NotFound(`No such container: ${ref}`)
  return found[0]
}

function beginningWith(prefix: string, ids: Iterable<ContainerId>): ContainerId[] {
  const found: ContainerId[] = []
  for (const id of ids) {
    if (!id.startsWith(prefix)) continue
    found.push(id)
    if (found.length > 1) break
  }
  return found
}

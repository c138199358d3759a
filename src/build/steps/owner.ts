/** Whose a file becomes: `--chown`, and for folders that WORKDIR makes USER. Dockerfile reference, "COPY --chown". */

import { InvalidParameter } from '../../kernel/errors.ts'
import { close } from '../../kernel/files.ts'
import { groups, readUserDatabase, type UserDatabase, users } from '../../runtime/users.ts'
import type { RootMount } from '../../snapshots/types.ts'
import type { Workshop } from '../workshop.ts'

export interface Owner {
  uid: number
  gid: number
}

/** By the root's own passwd(5) and group(5), which are read only if a name is to be found. @throws InvalidParameter */
export function ownerNamed({ context }: Pick<Workshop, 'context'>, root: RootMount, text: string): Owner {
  const [user = '', group] = text.split(':', 2)
  let read: UserDatabase | undefined
  const database = (): UserDatabase => {
    if (read === undefined) {
      const merged = context.rooms.snapshots.openMerged(root)
      try {
        read = readUserDatabase(merged)
      } finally {
        close(merged)
      }
    }
    return read
  }
  const { uid, gid } = ofUser(user, group === undefined, database)
  return { uid, gid: group ? groupId(group, database) : gid }
}

const isNumber = (text: string): boolean => /^\d+$/.test(text)

/** A number alone is that of the group, too; `5:` and `:5` leave root what they do not say. */
function ofUser(name: string, alone: boolean, database: () => UserDatabase): Owner {
  if (name === '') return { uid: 0, gid: 0 }
  if (isNumber(name)) return { uid: Number(name), gid: alone ? Number(name) : 0 }
  const found = users(database()).find(user => user.name === name)
  if (!found) throw unknown('user', name)
  return { uid: found.uid, gid: found.gid }
}

function groupId(name: string, database: () => UserDatabase): number {
  if (isNumber(name)) return Number(name)
  const found = groups(database()).find(group => group.name === name)
  if (!found) throw unknown('group', name)
  return found.gid
}

const unknown = (kind: 'user' | 'group', name: string): InvalidParameter =>
  new InvalidParameter(
    `unable to convert uid/gid chown string to host mapping: can't find ${kind === 'user' ? 'uid' : 'gid'} for ${kind} ${name}: no such ${kind}: ${name}`,
  )

/**
 * Users and groups by the image's own /etc/passwd and /etc/group: passwd(5), group(5). The rules for `user[:group]`, and the words of
 * the errors, are Docker's.
 */

import { closeSync, constants, fstatSync, readFileSync } from 'node:fs'
import { hasCode, InvalidParameter } from '../kernel/errors.ts'
import { openat2, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '../kernel/files.ts'

/** The contents of the two files; null where there is none. */
export interface UserDatabase {
  passwd: string | null
  group: string | null
}

export interface ResolvedUser {
  uid: number
  gid: number
  /** The primary group, then those that list the user, then those of --group-add: as setgroups(2) shall have them. */
  groups: number[]
  /** '/' for a user without an entry. */
  home: string
}

/** A hostile image's file shall not fill the daemon's memory. */
const MAX_FILE_BYTES = 16 << 20
/** openat2 in a root fails with EAGAIN when something on the machine is renamed while it walks a `..`. */
const MAX_TRIES = 100

/** Reads both files through a descriptor of the root folder: symlinks stay inside of it. */
export function readUserDatabase(root: number): UserDatabase {
  return { passwd: readInRoot(root, 'etc/passwd'), group: readInRoot(root, 'etc/group') }
}

function readInRoot(root: number, path: string): string | null {
  const file = openInRoot(root, path)
  if (file === null) return null
  try {
    const status = fstatSync(file)
    if (!status.isFile()) throw new InvalidParameter(`/${path} of the image is not a regular file`)
    if (status.size > MAX_FILE_BYTES)
      throw new InvalidParameter(`/${path} of the image is larger than ${MAX_FILE_BYTES} bytes`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function openInRoot(root: number, path: string): number | null {
  // Without waiting for the other end, should the image have a fifo there.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY
  for (let tries = 1; ; tries++) {
    try {
      return openat2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
      if (!hasCode(error, 'EAGAIN') || tries === MAX_TRIES) throw error
    }
  }
}

interface User {
  name: string
  uid: number
  gid: number
  home: string
}
interface Group {
  name: string
  gid: number
  members: string[]
}

const lines = (text: string | null): string[][] =>
  (text ?? '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.split(':'))

/** Entries without a valid number are no entries. */
export function users({ passwd }: UserDatabase): User[] {
  return lines(passwd).flatMap(([name = '', , uid = '', gid = '', , home = '']) =>
    isNumber(uid) && isNumber(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home }] : [],
  )
}

export function groups({ group }: UserDatabase): Group[] {
  return lines(group).flatMap(([name = '', , gid = '', members = '']) =>
    isNumber(gid) ? [{ name, gid: Number(gid), members: members.split(',').filter(Boolean) }] : [],
  )
}

const isNumber = (text: string): boolean => /^\d+$/.test(text)
const MAX_ID = 2 ** 31 - 1

/** @throws InvalidParameter */
function toId(text: string): number {
  const id = Number(text)
  if (id < 0 || id > MAX_ID) throw new InvalidParameter('uids and gids must be in range 0-2147483647')
  return id
}

const isNumeric = (text: string): boolean => /^[+-]?\d+$/.test(text)

/** `spec` is `user`, `user:group`, `uid`, `uid:gid` or empty for root. @throws InvalidParameter in Docker's words */
export function resolveUser(spec: string, groupAdd: readonly string[], database: UserDatabase): ResolvedUser {
  const [userPart = '', groupPart = ''] = split(spec)
  const user = findUser(userPart, users(database))
  const all = groups(database)
  const gid = groupPart === '' ? user.gid : findGroup(groupPart, all, 'unable')
  // A group that is named takes the place of the user's memberships.
  const memberships = groupPart === '' && user.name !== '' ? all.filter(group => group.members.includes(user.name)) : []
  const added = [...new Set(groupAdd.map(name => findGroup(name, all, 'Unable')))]
  return {
    uid: user.uid,
    gid,
    // The primary group is among them: who gives up the others must not gain by it (CVE-2022-36109).
    groups: [gid, ...memberships.map(group => group.gid), ...added],
    home: user.home || '/',
  }
}

const split = (spec: string): [string, string?] => {
  const at = spec.indexOf(':')
  return at < 0 ? [spec] : [spec.slice(0, at), spec.slice(at + 1)]
}

/** A number is always a uid, also when a user is called so. */
function findUser(name: string, all: readonly User[]): User {
  const matches = (user: User): boolean => {
    if (name === '') return user.uid === 0
    return isNumeric(name) ? user.uid === Number(name) : user.name === name
  }
  const found = all.find(matches)
  if (found) return found
  if (name !== '' && !isNumeric(name)) {
    throw new InvalidParameter(`unable to find user ${name}: no matching entries in passwd file`)
  }
  return { name: '', uid: toId(name), gid: 0, home: '/' }
}

function findGroup(name: string, all: readonly Group[], unable: 'unable' | 'Unable'): number {
  const found = all.find(group => (isNumeric(name) ? group.gid === Number(name) : group.name === name))
  if (found) return found.gid
  if (!isNumeric(name)) throw new InvalidParameter(`${unable} to find group ${name}: no matching entries in group file`)
  return toId(name)
}

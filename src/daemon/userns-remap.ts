/**
 * `userns-remap`: whose subordinate ids containers get. `default`, `user`, `user:group`, `uid`, `uid:gid`; the ranges stand in /etc/subuid
 * and /etc/subgid. See subuid(5), user_namespaces(7).
 */

import { appendFile, readFile } from 'node:fs/promises'
import { release } from 'node:os'
import { hasCode, InvalidParameter, Unavailable } from '../kernel/errors.ts'
import { type IdMap, type IdRange, makeUserNamespace } from '../kernel/namespaces.ts'
import type { UserNamespace } from '../runtime/spec.ts'

/** Overlay takes idmapped layers since then. */
const OLDEST_KERNEL = [5, 19] as const
/** `default` is Docker's user where there is one, and else ours, whose ranges are added. */
const DEFAULT_USERS = ['dockremap', 'skiffremap'] as const
const RANGE = 65_536
/** Where useradd(8) begins: SUB_UID_MIN in login.defs(5). */
const FIRST_SUBORDINATE = 100_000

/** Where the four tables are; tests have others. */
export interface IdFiles {
  passwd: string
  group: string
  subuid: string
  subgid: string
}

const FILES: IdFiles = { passwd: '/etc/passwd', group: '/etc/group', subuid: '/etc/subuid', subgid: '/etc/subgid' }

/** '' is none. The namespace lives as long as the daemon. @throws InvalidParameter, Unavailable on an old kernel */
export async function openUserNamespace(setting: string): Promise<UserNamespace | null> {
  if (setting === '') return null
  checkKernel(release())
  const map = await subordinateIds(setting)
  return { fd: makeUserNamespace(map), map }
}

export function checkKernel(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [needMajor, needMinor] = OLDEST_KERNEL
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return
  throw new Unavailable(
    `userns-remap needs Linux ${needMajor}.${needMinor} or later, where overlay takes idmapped layers; this is ${version}`,
  )
}

/** @throws InvalidParameter */
export async function subordinateIds(setting: string, files: IdFiles = FILES): Promise<IdMap> {
  if (setting === 'default') {
    const user = await defaultUser(files)
    return { uids: await rangesOf(files.subuid, 'uid', [user]), gids: await rangesOf(files.subgid, 'gid', [user]) }
  }
  const [user = '', group = ''] = setting.split(':')
  const owner = await identity(files.passwd, user, 'user')
  // Without a group it is the user's name that /etc/subgid is asked for, as Docker does.
  const members = group === '' ? owner : await identity(files.group, group, 'group')
  return { uids: await rangesOf(files.subuid, 'uid', owner), gids: await rangesOf(files.subgid, 'gid', members) }
}

const linesOf = async (file: string): Promise<string[][]> => {
  try {
    const text = await readFile(file, 'utf8')
    return text
      .split('\n')
      .filter(line => line.trim() !== '' && !line.startsWith('#'))
      .map(line => line.trim().split(':'))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

/** The names that subuid(5) may know somebody by: the login name, and the number. */
async function identity(file: string, asked: string, what: 'user' | 'group'): Promise<string[]> {
  const isNumber = /^\d+$/.test(asked)
  const found = (await linesOf(file)).find(([name, , id]) => (isNumber ? id === asked : name === asked))
  if (found === undefined)
    throw new InvalidParameter(`Can't create ID mappings: no such ${what}: ${JSON.stringify(asked)}`)
  return [found[0] ?? '', found[2] ?? ''].filter(Boolean)
}

/** All ranges of one owner, one after the other from 0 on. */
async function rangesOf(file: string, kind: 'uid' | 'gid', owner: readonly string[]): Promise<IdRange[]> {
  const own = (await linesOf(file)).filter(([name]) => name !== undefined && owner.includes(name))
  let inside = 0
  const ranges = own.map(([, first, count]): IdRange => {
    const range = { inside, outside: Number(first), count: Number(count) }
    if (!Number.isInteger(range.outside) || !Number.isInteger(range.count) || range.count <= 0) {
      throw new InvalidParameter(`Can't create ID mappings: ${file} has no valid range for ${owner[0]}`)
    }
    inside += range.count
    return range
  })
  if (ranges.length > 0) return ranges
  throw new InvalidParameter(`Can't create ID mappings: no sub${kind} ranges found for user "${owner[0]}" in ${file}`)
}

async function defaultUser(files: IdFiles): Promise<string> {
  const [uids, gids] = [await linesOf(files.subuid), await linesOf(files.subgid)]
  const has = (lines: string[][], name: string): boolean => lines.some(([owner]) => owner === name)
  const known = DEFAULT_USERS.find(name => has(uids, name) && has(gids, name))
  if (known !== undefined) return known
  const [, own] = DEFAULT_USERS
  // The same numbers in both, beyond all that anybody has.
  const first = Math.max(
    FIRST_SUBORDINATE,
    ...[...uids, ...gids].map(([, start, count]) => Number(start) + Number(count)),
  )
  if (!has(uids, own)) await appendFile(files.subuid, `${own}:${first}:${RANGE}\n`)
  if (!has(gids, own)) await appendFile(files.subgid, `${own}:${first}:${RANGE}\n`)
  return own
}

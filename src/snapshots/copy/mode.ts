/** Modes as chmod(1) takes them: octal, or symbolic clauses as `u=rwX,go=rX`. POSIX.1 XCU, chmod, "Extended Description". */

import { InvalidParameter } from '../../kernel/errors.ts'

/** What is done to a mode, in this order. Plain data: it goes to a worker. */
export type ModeChange = ModeClause[]

interface ModeClause {
  operator: '=' | '+' | '-'
  /** The bits that may be set or taken away. */
  affected: number
  /** Those that `=` takes away first. */
  cleared: number
  /** Of `rwst`, for user, group and others alike. */
  bits: number
  /** `X`: execution, for folders and what somebody may execute already. */
  execution: boolean
  /** `g=u`: the bits that somebody else has. */
  copyOf: '' | 'u' | 'g' | 'o'
}

const ALL = 0o7777
const AFFECTED: Record<string, number> = { u: 0o4700, g: 0o2070, o: 0o1007, a: ALL }
const BITS: Record<string, number> = { r: 0o444, w: 0o222, x: 0o111, s: 0o6000, t: 0o1000 }
/** Where nobody is named, what this takes away stays as it is. */
const UMASK = 0o022

/** @throws InvalidParameter */
export function parseMode(text: string): ModeChange {
  if (/^[0-7]{1,4}$/.test(text)) {
    return [
      { operator: '=', affected: ALL, cleared: ALL, bits: Number.parseInt(text, 8), execution: false, copyOf: '' },
    ]
  }
  return text.split(',').flatMap(clause => {
    const [, who = '', actions = ''] = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause) ?? []
    if (actions === '') {
      throw new InvalidParameter(
        `invalid chmod parameter: '${text}'. it should be octal (between 0 and 07777) or symbolic, as u=rwX,go=rX`,
      )
    }
    const affected = who === '' ? ALL & ~UMASK : [...who].reduce((sum, letter) => sum | AFFECTED[letter]!, 0)
    return [...actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)].map(([, operator, what = '']) => ({
      operator: operator as ModeClause['operator'],
      affected,
      cleared: who === '' ? ALL : affected,
      ...(/^[ugo]$/.test(what) ? { bits: 0, execution: false, copyOf: what as 'u' } : permissions(what)),
    }))
  })
}

const permissions = (what: string): Pick<ModeClause, 'bits' | 'execution' | 'copyOf'> => ({
  bits: [...what].reduce((sum, letter) => sum | (BITS[letter] ?? 0), 0),
  execution: what.includes('X'),
  copyOf: '',
})

/** The permissions alone; `mode` may have a file's type in it, which is not given back. */
export const changeMode = (change: ModeChange, mode: number, isFolder: boolean): number =>
  change.reduce((now, clause) => applied(clause, now, isFolder), mode & ALL)

function applied(clause: ModeClause, mode: number, isFolder: boolean): number {
  const { operator, affected, cleared, bits, execution, copyOf } = clause
  const executes = execution && (isFolder || (mode & 0o111) !== 0) ? 0o111 : 0
  const value = (copyOf === '' ? bits | executes : spread(mode, copyOf)) & affected
  if (operator === '+') return mode | value
  if (operator === '-') return mode & ~value
  return (mode & ~cleared) | value
}

/** What one of the three has, for all three. */
function spread(mode: number, of: 'u' | 'g' | 'o'): number {
  const three = (mode >> { u: 6, g: 3, o: 0 }[of]) & 0o7
  return three * 0o111
}

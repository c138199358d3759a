/**
 * The kinds of flags. A command has one table of them, and everything else comes from it: parsing, help, completion.
 * The words for wrong values are those of Go's strconv, which Docker shows.
 */

export interface Flag<T> {
  /** The kind of value as help shows it; '' for a switch. */
  readonly type: string
  readonly usage: string
  readonly short: string | undefined
  /** The default as help shows it. */
  readonly shownDefault: string | undefined
  readonly hidden: boolean
  /** Other names of the same flag, from older times; not in the help. */
  readonly aliases: readonly string[]
  /** What it is without being given. */
  readonly initial: T
  /** The value from the texts given, in their order; at least one. @throws Error saying what is wrong */
  read(texts: readonly string[]): T
}

export type Flags = Readonly<Record<string, Flag<unknown>>>
/** The values of a table of flags, by the flags' names. */
export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never }

export interface FlagOptions {
  short?: string
  /** Shown in help instead of the initial value. */
  shownDefault?: string
  /** The kind of value as help shows it. */
  type?: string
  /** Accepted, but not in the help: old spellings, other systems. */
  hidden?: boolean
  aliases?: readonly string[]
}

function make<T>(
  type: string,
  usage: string,
  initial: T,
  read: (texts: readonly string[]) => T,
  { short, shownDefault, type: shownType = type, hidden = false, aliases = [] }: FlagOptions = {},
): Flag<T> {
  return { type: shownType, usage, short, shownDefault, hidden, aliases, initial, read }
}

const last = (texts: readonly string[]): string => texts.at(-1) ?? ''

/** A flag of one value; the last one given counts. */
export const single = <T>(
  type: string,
  usage: string,
  initial: T,
  parse: (text: string) => T,
  options?: FlagOptions,
): Flag<T> => make(type, usage, initial, texts => parse(last(texts)), options)

/** A flag that may be given often, each value parsed on its own. */
export const listOf = <T>(
  type: string,
  usage: string,
  parse: (text: string) => T,
  options?: FlagOptions,
): Flag<readonly T[]> => make<readonly T[]>(type, usage, [], texts => texts.map(parse), options)

export const bool = (usage: string, options?: FlagOptions & { initial?: boolean }): Flag<boolean> => {
  const initial = options?.initial ?? false
  return single('', usage, initial, parseBool, { ...(initial && { shownDefault: 'true' }), ...options, type: '' })
}

export const string = (usage: string, options?: FlagOptions & { initial?: string }): Flag<string> => {
  const initial = options?.initial ?? ''
  return single('string', usage, initial, text => text, {
    ...(initial && { shownDefault: `"${initial}"` }),
    ...options,
  })
}

export const list = (usage: string, options?: FlagOptions): Flag<readonly string[]> =>
  listOf('list', usage, text => text, options)

/** Several values in one word, separated by commas, and the flag may be given often. */
export const strings = (usage: string, options?: FlagOptions): Flag<readonly string[]> =>
  make<readonly string[]>('strings', usage, [], texts => texts.flatMap(text => (text ? text.split(',') : [])), options)

export const int = (usage: string, options?: FlagOptions & { initial?: number }): Flag<number> => {
  const initial = options?.initial ?? 0
  return single('int', usage, initial, parseInt10, {
    ...(initial !== 0 && { shownDefault: String(initial) }),
    ...options,
  })
}

/** name=value, often. */
export const map = (usage: string, options?: FlagOptions): Flag<Readonly<Record<string, string>>> =>
  make<Readonly<Record<string, string>>>('map', usage, {}, texts => Object.fromEntries(texts.map(parsePair)), {
    shownDefault: 'map[]',
    ...options,
  })

export type Filters = Readonly<Record<string, readonly string[]>>

/** --filter name=value: every value of a name is kept. */
export const filter = (usage: string, options?: FlagOptions): Flag<Filters> =>
  make<Filters>('filter', usage, {}, readFilters, options)

function readFilters(texts: readonly string[]): Filters {
  const filters: Record<string, string[]> = {}
  for (const text of texts) {
    if (text === '') continue
    const equals = text.indexOf('=')
    if (equals < 0) throw new Error('bad format of filter (expected name=value)')
    const name = text.slice(0, equals).trim().toLowerCase()
    filters[name] = [...(filters[name] ?? []), text.slice(equals + 1).trim()]
  }
  return filters
}

function parsePair(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

function parseBool(text: string): boolean {
  if (TRUE.has(text)) return true
  if (FALSE.has(text)) return false
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
}

export function parseInt10(text: string, goName = 'ParseInt'): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.${goName}: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

/**
 * Splits a template into text and actions, and actions into tokens.
 * Source: Go, package text/template, "Text and spaces" and "Arguments".
 */

export interface Token {
  readonly kind: 'field' | 'variable' | 'word' | 'string' | 'number' | 'character' | 'dot' | 'punctuation'
  /** As written; of strings and characters the value. */
  readonly text: string
  /** Offset in the template. */
  readonly at: number
  /** Offset of what follows it. */
  readonly end: number
  /** Nothing stands between it and the token before. */
  readonly glued: boolean
}

export type Piece = { readonly text: string } | { readonly tokens: readonly Token[]; readonly at: number }

/** The template is no template. Worded as Go words it. */
export class ParseError extends Error {
  constructor(template: string, at: number, message: string) {
    super(`template: :${template.slice(0, at).split('\n').length}: ${message}`)
  }
}

const OPEN = '{{'
const CLOSE = '}}'

/** Text and actions in their order. Spaces that `{{- -}}` eat are gone, comments too. @throws ParseError */
export function tokenize(template: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trimNext = false
  while (at < template.length) {
    const open = template.indexOf(OPEN, at)
    const trimBefore = open >= 0 && /^\{\{-\s/.test(template.slice(open, open + 4))
    let text = open < 0 ? template.slice(at) : template.slice(at, open)
    if (trimNext) text = text.trimStart()
    if (trimBefore) text = text.trimEnd()
    if (text) pieces.push({ text })
    if (open < 0) break
    const begin = open + OPEN.length + (trimBefore ? 1 : 0)
    const action = comment(template, begin) ?? tokensOf(template, begin)
    if (action.tokens) pieces.push({ tokens: action.tokens, at: open })
    trimNext = action.trim
    at = action.end
  }
  return pieces
}

interface Action {
  readonly tokens: Token[] | undefined
  /** Offset after the closing braces. */
  readonly end: number
  readonly trim: boolean
}

function comment(template: string, begin: number): Action | undefined {
  const start = /^\s*\/\*/.exec(template.slice(begin))
  if (!start) return undefined
  const close = template.indexOf('*/', begin + start[0].length)
  if (close < 0) throw new ParseError(template, begin, 'unclosed comment')
  const end = /^(\s+-)?\}\}/.exec(template.slice(close + 2))
  if (!end) throw new ParseError(template, close, 'comment ends before closing delimiter')
  return { tokens: undefined, end: close + 2 + end[0].length, trim: end[1] !== undefined }
}

const NAME = '[\\p{L}_][\\p{L}\\p{N}_]*'
const PATTERNS: readonly [Token['kind'], RegExp][] = [
  ['field', new RegExp(`\\.${NAME}`, 'uy')],
  ['variable', new RegExp(`\\$(?:${NAME})?`, 'uy')],
  ['number', /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/uy],
  ['word', new RegExp(NAME, 'uy')],
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/uy],
  ['character', /'(?:[^'\\\n]|\\.)+'/uy],
  ['dot', /\./uy],
  ['punctuation', /:=|[=|(),]/uy],
]

function tokensOf(template: string, begin: number): Action {
  const tokens: Token[] = []
  let at = begin
  for (;;) {
    const spaces = /\s*/uy
    spaces.lastIndex = at
    const gap = spaces.exec(template)?.[0].length ?? 0
    if (gap > 0 && template.startsWith(`-${CLOSE}`, at + gap)) return { tokens, end: at + gap + 3, trim: true }
    at += gap
    if (template.startsWith(CLOSE, at)) return { tokens, end: at + CLOSE.length, trim: false }
    if (at >= template.length) throw new ParseError(template, begin, 'unclosed action')
    const token = tokenAt(template, at, gap === 0 && tokens.length > 0)
    tokens.push(token)
    at = token.end
  }
}

function tokenAt(template: string, at: number, glued: boolean): Token {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at
    const match = pattern.exec(template)
    if (!match) continue
    const text = kind === 'string' || kind === 'character' ? unquote(match[0], template, at) : match[0]
    return { kind, text, at, end: at + match[0].length, glued }
  }
  const character = template.charAt(at)
  if (character === '"') throw new ParseError(template, at, 'unterminated quoted string')
  if (character === '`') throw new ParseError(template, at, 'unterminated raw quoted string')
  throw new ParseError(template, at, `unexpected ${JSON.stringify(character)} in command`)
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

/** Go's quoted strings: the escapes of C, \x \u \U and octal; backquotes quote everything. */
function unquote(quoted: string, template: string, at: number): string {
  const inner = quoted.slice(1, -1)
  if (quoted.startsWith('`')) return inner
  return inner.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{3}|.)/gsu, (_, code: string) => {
    if (/^[xuU]./.test(code)) return String.fromCodePoint(Number.parseInt(code.slice(1), 16))
    if (/^[0-7]{3}$/.test(code)) return String.fromCodePoint(Number.parseInt(code, 8))
    const character = ESCAPES[code]
    if (character === undefined) throw new ParseError(template, at, 'invalid syntax')
    return character
  })
}

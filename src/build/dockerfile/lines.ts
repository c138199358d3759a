/**
 * From a Dockerfile's text to its instructions as text: parser directives, comments, continuation lines, here-documents.
 * Dockerfile reference, "Format", "Parser directives", "Here-Documents".
 */

import { DockerfileError, type Location, parseError } from './error.ts'

export interface Heredoc {
  /** What ends it. */
  name: string
  content: string
  /** Variables in it are expanded: its name was not quoted. */
  expand: boolean
  /** `<<-`: tabs at the beginnings of lines do not count. */
  chomp: boolean
}

/** One instruction, not looked into yet. */
export interface Statement extends Location {
  heredocs: Heredoc[]
}

export interface Directives {
  escapeChar: string
  syntax: string
}

const HEREDOC_INSTRUCTIONS = /^(?:onbuild\s+)?(?:run|copy|add)\s/i
const DIRECTIVE = /^#\s*([a-z][a-z0-9]*)\s*=\s*(.+?)\s*$/i

/** @throws DockerfileError */
export function readStatements(text: string): { directives: Directives; statements: Statement[] } {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const directives = readDirectives(lines)
  const statements = new Reader(lines, directives.escapeChar).all()
  if (statements.length === 0) throw new DockerfileError('failed to parse Dockerfile: file with no instructions', null)
  return { directives, statements }
}

/** They stand at the very top; the first line that is none ends them. */
function readDirectives(lines: readonly string[]): Directives {
  const found = new Map<string, string>()
  for (const [index, line] of lines.entries()) {
    const [, name = '', value = ''] = DIRECTIVE.exec(line.trim()) ?? []
    const key = name.toLowerCase()
    if (!['syntax', 'escape', 'check'].includes(key)) break
    const location = { line: index + 1, endLine: index + 1, text: line }
    if (found.has(key)) throw parseError(`only one ${key} parser directive can be used`, location)
    found.set(key, value)
    if (key === 'escape' && value !== '\\' && value !== '`') {
      throw parseError(`invalid ESCAPE '${value}' does not match \` or \\`, location)
    }
  }
  return { escapeChar: found.get('escape') ?? '\\', syntax: found.get('syntax') ?? '' }
}

class Reader {
  readonly #lines: readonly string[]
  readonly #continued: RegExp
  readonly #escapeChar: string
  #next = 0

  constructor(lines: readonly string[], escapeChar: string) {
    this.#lines = lines
    this.#escapeChar = escapeChar
    // An escape character that is escaped itself does not continue the line.
    this.#continued = escapeChar === '\\' ? /(^|[^\\])\\[ \t]*$/ : /(^|[^`])`[ \t]*$/
  }

  all(): Statement[] {
    const statements: Statement[] = []
    for (;;) {
      const statement = this.#statement()
      if (statement === undefined) return statements
      statements.push(statement)
    }
  }

  #statement(): Statement | undefined {
    while (this.#next < this.#lines.length && isCommentOrEmpty(this.#lines[this.#next]!)) this.#next++
    if (this.#next >= this.#lines.length) return undefined
    const line = this.#next + 1
    let { text, goesOn } = this.#take(this.#lines[this.#next++]!.trimStart())
    while (goesOn && this.#next < this.#lines.length) {
      const more = this.#lines[this.#next++]!
      if (isCommentOrEmpty(more)) continue
      const part = this.#take(more)
      text += part.text
      goesOn = part.goesOn
    }
    const statement = { line, endLine: this.#next, text: text.trimEnd(), heredocs: [] }
    return HEREDOC_INSTRUCTIONS.test(statement.text) ? this.#withHeredocs(statement) : statement
  }

  #take(line: string): { text: string; goesOn: boolean } {
    const goesOn = this.#continued.test(line)
    return { text: goesOn ? line.replace(this.#continued, '$1') : line, goesOn }
  }

  #withHeredocs(statement: Statement): Statement {
    const heredocs = heredocsIn(statement.text, this.#escapeChar).map(({ name, expand, chomp }) => {
      const lines: string[] = []
      for (;;) {
        const line = this.#lines[this.#next++]
        if (line === undefined) throw parseError('unterminated heredoc', statement)
        const shown = chomp ? line.replace(/^\t+/, '') : line
        if (shown === name) break
        lines.push(`${shown}\n`)
      }
      return { name, expand, chomp, content: lines.join('') }
    })
    return { ...statement, endLine: this.#next, heredocs }
  }
}

const isCommentOrEmpty = (line: string): boolean => /^\s*(#|$)/.test(line)

const HEREDOC_WORD = /^\d*<<(-?)((?:[^<"'\s]|"[^"]*"|'[^']*')+)$/

/** The words of an instruction that open a here-document. */
export function heredocsIn(text: string, escapeChar: string): Omit<Heredoc, 'content'>[] {
  return rawWords(text, escapeChar).flatMap(word => {
    const [, dash, quoted] = HEREDOC_WORD.exec(word) ?? []
    if (quoted === undefined) return []
    const name = quoted.replace(/["'\\]/g, '')
    return [{ name, expand: name === quoted, chomp: dash === '-' }]
  })
}

/** Words with their quotes and escapes as they stand: blanks inside of quotes do not part them. */
export function rawWords(text: string, escapeChar: string): string[] {
  const words: string[] = []
  let word = ''
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (quote === '' && /\s/.test(char)) {
      if (word !== '') words.push(word)
      word = ''
      continue
    }
    word += char
    if (char === escapeChar && quote !== "'" && at + 1 < text.length) word += text[++at]
    else if (quote !== '') quote = char === quote ? '' : quote
    else if (char === '"' || char === "'") quote = char
  }
  if (word !== '') words.push(word)
  return words
}

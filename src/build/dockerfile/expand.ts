/**
 * Variables, quotes and escapes in an instruction's words. Dockerfile reference, "Environment replacement"; the modifiers are those of
 * the shell, POSIX.1 XCU 2.6.2, and bash's ${name/pattern/replacement}.
 */

import { InvalidParameter } from '../../kernel/errors.ts'

/** undefined: the variable is not set. */
export type Variables = (name: string) => string | undefined

/** One word, with quotes taken away. @throws InvalidParameter */
export const expandWord = (text: string, variables: Variables, escapeChar: string): string =>
  new Lexer(text, variables, escapeChar).words().text

/** Words parted by blanks that stand outside of quotes; also by those that a variable brings. */
export const expandWords = (text: string, variables: Variables, escapeChar: string): string[] =>
  new Lexer(text, variables, escapeChar).words().words

/** As in a here-document: quotes are characters like others. */
export const expandText = (text: string, variables: Variables, escapeChar: string): string =>
  new Lexer(text, variables, escapeChar, { keepQuotes: true }).words().text

class Lexer {
  readonly #text: string
  readonly #variables: Variables
  readonly #escapeChar: string
  readonly #keepQuotes: boolean
  readonly #words: string[] = []
  #word = ''
  #inWord = false
  #inPattern = false
  #at = 0

  constructor(text: string, variables: Variables, escapeChar: string, { keepQuotes = false } = {}) {
    this.#text = text
    this.#variables = variables
    this.#escapeChar = escapeChar
    this.#keepQuotes = keepQuotes
  }

  words(): { text: string; words: string[] } {
    const text = this.#until('')
    this.#endWord()
    return { text, words: this.#words }
  }

  /** Up to a character that stands outside of quotes, which is taken; or to the end. */
  #until(stop: string): string {
    let result = ''
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!
      if (char === stop) {
        this.#at++
        return result
      }
      result += this.#one(char)
    }
    if (stop !== '') throw new InvalidParameter(`syntax error: unexpected end of statement while looking for ${stop}`)
    return result
  }

  #one(char: string): string {
    if (!this.#keepQuotes) {
      if (char === "'") return this.#quoted(this.#singleQuoted())
      if (char === '"') return this.#quoted(this.#doubleQuoted())
    }
    if (char === '$') return this.#unquoted(this.#dollar())
    this.#at++
    if (char === this.#escapeChar) {
      const next = this.#text[this.#at]
      if (this.#keepQuotes && next !== '$' && next !== this.#escapeChar) return this.#quoted(char)
      if (next === undefined) return ''
      this.#at++
      return this.#quoted(this.#inPattern ? `\\${next}` : next)
    }
    return this.#unquoted(char)
  }

  /** Blanks in it are part of the word; and even '' makes one. */
  #quoted(text: string): string {
    this.#inWord = true
    this.#word += text
    return text
  }

  #unquoted(text: string): string {
    for (const char of text) {
      if (/\s/.test(char)) this.#endWord()
      else {
        this.#inWord = true
        this.#word += char
      }
    }
    return text
  }

  #endWord(): void {
    if (this.#inWord) this.#words.push(this.#word)
    this.#word = ''
    this.#inWord = false
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1)
    if (end < 0) throw new InvalidParameter('unexpected end of statement while looking for matching single-quote')
    const text = this.#text.slice(this.#at + 1, end)
    this.#at = end + 1
    return text
  }

  #doubleQuoted(): string {
    let result = ''
    this.#at++
    for (;;) {
      const char = this.#text[this.#at]
      if (char === undefined) {
        throw new InvalidParameter('unexpected end of statement while looking for matching double-quote')
      }
      if (char === '"') {
        this.#at++
        return result
      }
      if (char === '$') {
        result += this.#dollar()
        continue
      }
      this.#at++
      const next = this.#text[this.#at]
      if (char !== this.#escapeChar || next === undefined) result += char
      else {
        this.#at++
        // Only what would mean something is escaped; elsewhere the character is one like others.
        result += next === '"' || next === '$' || next === this.#escapeChar ? next : char + next
      }
    }
  }

  #dollar(): string {
    this.#at++
    if (this.#text[this.#at] !== '{') {
      const name = this.#name()
      return name === '' ? '$' : (this.#variables(name) ?? '')
    }
    this.#at++
    const name = this.#name()
    const modifier = /^(:?[-+?]|##?|%%?|\/\/?|})/.exec(this.#text.slice(this.#at))?.[0]
    if (modifier === undefined) {
      const rest = this.#text.slice(this.#at, this.#at + 2)
      if (rest === '') throw new InvalidParameter('syntax error: missing } in substitution')
      throw new InvalidParameter(`unsupported modifier (${rest}) in substitution`)
    }
    if (name === '') throw new InvalidParameter('bad substitution: a name is missing')
    this.#at += modifier.length
    return modifier === '}' ? (this.#variables(name) ?? '') : this.#modified(name, modifier)
  }

  /** POSIX: letters, digits and _, digits alone, or one of the special parameters. */
  #name(): string {
    const name = /^([A-Za-z_]\w*|\d+|[@*#?\-$!])/.exec(this.#text.slice(this.#at))?.[0] ?? ''
    this.#at += name.length
    return name
  }

  #modified(name: string, modifier: string): string {
    const value = this.#variables(name)
    const isSet = value !== undefined && (value !== '' || !modifier.startsWith(':'))
    if (modifier.startsWith('/')) return this.#replaced(value ?? '', modifier === '//')
    if (/^[#%]/.test(modifier)) return without(value ?? '', this.#pattern('}'), modifier)
    const word = this.#inner('}')
    switch (modifier.replace(':', '')) {
      case '-':
        return isSet ? value : word
      case '+':
        return isSet ? word : ''
      default:
        if (isSet) return value
        throw new InvalidParameter(
          `${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`,
        )
    }
  }

  #replaced(value: string, all: boolean): string {
    const pattern = this.#pattern('/', '}')
    const replacement = this.#text[this.#at - 1] === '}' ? '' : this.#inner('}')
    const expression = new RegExp(shellPattern(pattern), all ? 'gs' : 's')
    return value.replace(expression, () => replacement)
  }

  /** What is escaped stays so: in a pattern it stands for itself. */
  #pattern(...stops: string[]): string {
    const before = this.#inPattern
    this.#inPattern = true
    const pattern = this.#inner(...stops)
    this.#inPattern = before
    return pattern
  }

  /** A word inside of a substitution, whose blanks part nothing by themselves; ends with one of `stops`. */
  #inner(...stops: string[]): string {
    const [word, inWord, count] = [this.#word, this.#inWord, this.#words.length]
    let result = ''
    for (;;) {
      const char = this.#text[this.#at]
      if (char === undefined) throw new InvalidParameter('syntax error: missing } in substitution')
      if (stops.includes(char)) {
        this.#at++
        break
      }
      result += this.#one(char)
    }
    this.#word = word
    this.#inWord = inWord
    this.#words.length = count
    return result
  }
}

/** `#` and `##` take the shortest and longest beginning away that matches; `%` and `%%` an end. */
function without(value: string, pattern: string, modifier: string): string {
  const lengths = Array.from({ length: value.length + 1 }, (_, length) => length)
  if (modifier.length === 2) lengths.reverse()
  const expression = new RegExp(`^(?:${shellPattern(pattern)})$`, 's')
  for (const length of lengths) {
    if (modifier.startsWith('#') && expression.test(value.slice(0, length))) return value.slice(length)
    const end = value.length - length
    if (modifier.startsWith('%') && expression.test(value.slice(end))) return value.slice(0, end)
  }
  return value
}

/** `*` and `?` as the shell has them, as a regular expression's source. */
function shellPattern(pattern: string): string {
  let source = ''
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!
    if (char === '*') source += '.*'
    else if (char === '?') source += '.'
    else if (char === '\\' && at + 1 < pattern.length) source += literal(pattern[++at]!)
    else source += literal(char)
  }
  return source
}

const literal = (char: string): string => char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

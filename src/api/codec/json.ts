/**
 * JSON as a Go program reads it (encoding/json), because Docker's clients know its complaints: the words for what is wrong with
 * a text, and numbers that stay what they were written as, so that a 64-bit integer is neither rounded nor taken for a fraction.
 */

import { InvalidParameter } from '../../kernel/errors.ts'

/** A number as it stands in the text. */
export class JsonNumber {
  constructor(readonly literal: string) {}
}

export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject
/** In the order of the text; a name may come twice. */
export class JsonObject {
  constructor(readonly entries: [string, Json][]) {}
}

/** As deep as Go goes. */
const MAX_DEPTH = 10_000

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

const GO_ESCAPES: Record<number, string> = { 7: 'a', 8: 'b', 9: 't', 10: 'n', 11: 'v', 12: 'f', 13: 'r', 92: '\\' }

/** Go complains of bytes: of a character's first one, written as a character of a Go string in single quotes. */
function quoteByte(character: string): string {
  const byte = Buffer.from(character)[0] ?? 0
  if (character === "'") return `'\\''`
  if (character === '"') return `'"'`
  const named = GO_ESCAPES[byte]
  if (named !== undefined) return `'\\${named}'`
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`
  const printable = byte < 0x7f || (byte > 0xa0 && byte !== 0xad)
  return printable ? `'${String.fromCharCode(byte)}'` : `'\\u00${byte.toString(16)}'`
}

class Parser {
  at = 0
  depth = 0
  constructor(readonly text: string) {}

  unexpected(where: string): InvalidParameter {
    const code = this.text.codePointAt(this.at)
    if (code === undefined) return new InvalidParameter('unexpected EOF')
    return new InvalidParameter(`invalid character ${quoteByte(String.fromCodePoint(code))} ${where}`)
  }

  space(): void {
    while (' \t\r\n'.includes(this.text[this.at] ?? 'x')) this.at++
  }

  value(): Json {
    this.space()
    switch (this.text[this.at]) {
      case '{':
        return this.nested(() => this.object())
      case '[':
        return this.nested(() => this.array())
      case '"':
        return this.string()
      case 't':
        return this.literal('true', true)
      case 'f':
        return this.literal('false', false)
      case 'n':
        return this.literal('null', null)
      default:
        return this.number()
    }
  }

  nested<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new InvalidParameter('exceeded max depth')
    this.at++
    const value = read()
    this.depth--
    return value
  }

  object(): JsonObject {
    const entries: [string, Json][] = []
    this.space()
    if (this.text[this.at] === '}') {
      this.at++
      return new JsonObject(entries)
    }
    for (;;) {
      this.space()
      if (this.text[this.at] !== '"') throw this.unexpected('looking for beginning of object key string')
      const key = this.string()
      this.space()
      if (this.text[this.at] !== ':') throw this.unexpected('after object key')
      this.at++
      entries.push([key, this.value()])
      this.space()
      if (this.text[this.at] === '}') break
      if (this.text[this.at] !== ',') throw this.unexpected('after object key:value pair')
      this.at++
    }
    this.at++
    return new JsonObject(entries)
  }

  array(): Json[] {
    const items: Json[] = []
    this.space()
    if (this.text[this.at] === ']') {
      this.at++
      return items
    }
    for (;;) {
      items.push(this.value())
      this.space()
      if (this.text[this.at] === ']') break
      if (this.text[this.at] !== ',') throw this.unexpected('after array element')
      this.at++
    }
    this.at++
    return items
  }

  string(): string {
    let value = ''
    this.at++
    for (;;) {
      PLAIN.lastIndex = this.at
      value += PLAIN.exec(this.text)?.[0] ?? ''
      this.at = PLAIN.lastIndex
      if (this.text[this.at] === '"') break
      if (this.text[this.at] !== '\\') throw this.unexpected('in string literal')
      this.at++
      value += this.escape()
    }
    this.at++
    return value
  }

  escape(): string {
    const letter = this.text[this.at] ?? ''
    if (letter !== 'u') {
      const value = ESCAPES[letter]
      if (value === undefined) throw this.unexpected('in string escape code')
      this.at++
      return value
    }
    this.at++
    const start = this.at
    for (; this.at < start + 4; this.at++) {
      if (!/^[0-9a-fA-F]$/.test(this.text[this.at] ?? '')) throw this.unexpected('in \\u hexadecimal character escape')
    }
    return String.fromCharCode(Number.parseInt(this.text.slice(start, this.at), 16))
  }

  literal<T>(word: string, value: T): T {
    for (const [i, letter] of [...word].entries()) {
      if (this.text[this.at] !== letter) {
        throw i === 0
          ? this.unexpected('looking for beginning of value')
          : this.unexpected(`in literal ${word} (expecting '${letter}')`)
      }
      this.at++
    }
    return value
  }

  number(): JsonNumber {
    NUMBER.lastIndex = this.at
    const literal = NUMBER.exec(this.text)?.[0]
    if (literal === undefined) {
      if (this.text[this.at] !== '-') throw this.unexpected('looking for beginning of value')
      this.at++
      throw this.unexpected('in numeric literal')
    }
    this.at += literal.length
    return new JsonNumber(literal)
  }
}

/** @throws InvalidParameter with the words of Go's decoder; `EOF` for a text without anything */
export function parseJson(text: string): Json {
  const parser = new Parser(text)
  parser.space()
  if (parser.at === text.length) throw new InvalidParameter('EOF')
  const value = parser.value()
  parser.space()
  if (parser.at < text.length) throw new InvalidParameter('unexpected content after JSON')
  return value
}

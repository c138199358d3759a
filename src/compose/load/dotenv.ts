/** `.env` files: NAME=value lines with quotes, comments and variables. Source: compose-spec, "env_file format". */

import { ComposeError } from '../errors.ts'
import type { Source } from '../source/node.ts'
import { type Lookup, substitute, TemplateError } from './interpolate.ts'

const LINE = /^\s*(?:export\s+)?([^\s=:#'"]+)[ \t]*(?:([=:])[ \t]*)?/

/**
 * The variables of a file, in its order. A name alone has the value that `lookup` knows, or is left out. Later values may use
 * earlier ones. @throws ComposeError with the line
 */
export function parseDotenv(
  text: string,
  source: Source,
  lookup: Lookup,
  onUnset?: (name: string) => void,
): Map<string, string> {
  const found = new Map<string, string>()
  const resolve: Lookup = name => lookup(name) ?? found.get(name)
  let rest = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
  const total = rest.split('\n').length
  while (rest !== '') {
    const blank = /^[ \t]*(?:#[^\n]*)?(?:\n|$)/.exec(rest)
    if (blank && blank[0] !== '') {
      rest = rest.slice(blank[0].length)
      continue
    }
    const line = total - rest.split('\n').length + 1
    const fail = (why: string): ComposeError => new ComposeError(why, { source, line, column: 1 })
    const match = LINE.exec(rest)
    const [head = '', name = '', separator] = match ?? []
    if (!match || !/^[\w.[\]-]+$/.test(name))
      throw fail(`unexpected character in variable name near ${JSON.stringify(rest.split('\n')[0])}`)
    rest = rest.slice(head.length)
    if (separator === undefined) {
      if (!/^[ \t]*(#[^\n]*)?(\n|$)/.test(rest)) throw fail(`key cannot contain a space: ${JSON.stringify(name)}`)
      rest = rest.replace(/^[^\n]*\n?/, '')
      const inherited = lookup(name)
      if (inherited !== undefined) found.set(name, inherited)
      continue
    }
    const value = readValue(rest, fail)
    rest = rest.slice(value.length)
    try {
      found.set(name, value.expand ? substitute(value.text, resolve, onUnset) : value.text)
    } catch (error) {
      if (error instanceof TemplateError) throw fail(error.message)
      throw error
    }
  }
  return found
}

interface Value {
  readonly text: string
  readonly expand: boolean
  /** How much of the file it takes, with its line's end. */
  readonly length: number
}

function readValue(rest: string, fail: (why: string) => ComposeError): Value {
  const quote = rest[0]
  if (quote !== '"' && quote !== "'") {
    const [line = ''] = /^[^\n]*/.exec(rest) ?? []
    // A # begins a comment only after a blank: passwords and colours have them.
    return { text: line.replace(/(^|\s)#.*$/, '').trim(), expand: true, length: line.length + 1 }
  }
  const [quoted] = (quote === '"' ? /^"(?:[^"\\]|\\.)*"/s : /^'(?:[^'\\]|\\.)*'/s).exec(rest) ?? []
  if (quoted === undefined) throw fail(`unterminated quoted value ${rest.split('\n')[0]}`)
  const [tail = ''] = /^[^\n]*\n?/.exec(rest.slice(quoted.length)) ?? []
  const inner = quoted.slice(1, -1)
  return quote === '"'
    ? { text: unescapeText(inner), expand: true, length: quoted.length + tail.length }
    : { text: inner.replaceAll("\\'", "'"), expand: false, length: quoted.length + tail.length }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$$' }

const unescapeText = (text: string): string => text.replaceAll(/\\(.)/gs, (all, code: string) => ESCAPES[code] ?? all)

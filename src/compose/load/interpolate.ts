/** `$NAME`, `${NAME}` and their modifiers in texts. Source: compose-spec, "Interpolation"; POSIX shell, "Parameter Expansion". */

import { ComposeError } from '../errors.ts'
import { type ListNode, type MapNode, type Node, scalarNode, withEntries } from '../source/node.ts'

export type Lookup = (name: string) => string | undefined

/** A text that is no template, or a variable that must be set and is not. */
export class TemplateError extends Error {}

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y

/** @throws TemplateError. `onUnset` is called for a variable that has neither a value nor a default. */
export function substitute(
  template: string,
  lookup: Lookup,
  onUnset: (name: string) => void = () => undefined,
): string {
  return new Template(template, lookup, onUnset).text()
}

class Template {
  #at = 0
  constructor(
    readonly template: string,
    readonly lookup: Lookup,
    readonly onUnset: (name: string) => void,
  ) {}

  /** Up to the end, or inside of braces up to the one that closes them. `skip`: nothing is looked up. */
  text(inBraces = false, skip = false): string {
    let result = ''
    while (this.#at < this.template.length) {
      const character = this.template[this.#at] ?? ''
      if (inBraces && character === '}') return result
      this.#at++
      result += character === '$' ? this.#dollar(skip) : character
    }
    if (inBraces) throw this.#invalid()
    return result
  }

  #dollar(skip: boolean): string {
    const next = this.template[this.#at]
    if (next === '$') {
      this.#at++
      return '$'
    }
    if (next === '{') {
      this.#at++
      return this.#braced(skip)
    }
    const name = this.#name()
    if (name === undefined) throw this.#invalid()
    return skip ? '' : this.#value(name)
  }

  #braced(skip: boolean): string {
    const name = this.#name()
    if (name === undefined) throw this.#invalid()
    const [, operator = ''] = /^(:?[-?+])/.exec(this.template.slice(this.#at)) ?? []
    this.#at += operator.length
    const value = skip ? '' : this.lookup(name)
    const missing = value === undefined || (operator.startsWith(':') && value === '')
    const kind = operator.at(-1)
    // The word behind a modifier is expanded only where it is needed: `${A:-${B:?}}` may not fail while A is set.
    const wanted = kind === '+' ? !missing : missing
    const word = this.text(true, skip || !wanted)
    this.#at++
    if (kind === undefined && word !== '') throw this.#invalid()
    if (skip) return ''
    if (kind === '+') return missing ? '' : word
    if (!missing) return value ?? ''
    if (kind === '-') return word
    if (kind === '?') throw new TemplateError(`required variable ${name} is missing a value${word ? `: ${word}` : ''}`)
    this.onUnset(name)
    return ''
  }

  #value(name: string): string {
    const value = this.lookup(name)
    if (value === undefined) this.onUnset(name)
    return value ?? ''
  }

  #name(): string | undefined {
    NAME.lastIndex = this.#at
    const [name] = NAME.exec(this.template) ?? []
    this.#at += name?.length ?? 0
    return name
  }

  #invalid = (): TemplateError =>
    new TemplateError(`invalid interpolation format.\nYou may need to escape any $ with another $.\n${this.template}`)
}

/** The tree with all its values expanded; keys stay as they are. @throws ComposeError */
export function interpolate(node: Node, lookup: Lookup, onUnset: (name: string) => void, path = ''): Node {
  const below = (child: Node, key: string) => interpolate(child, lookup, onUnset, path ? `${path}.${key}` : key)
  if (node.kind === 'map')
    return withEntries(
      node,
      [...node.entries].map(([key, { at, value }]) => [key, { at, value: below(value, key) }] as const),
    ) as MapNode
  if (node.kind === 'list') return { ...node, items: node.items.map((item, i) => below(item, String(i))) } as ListNode
  if (typeof node.value !== 'string' || !node.value.includes('$')) return node
  try {
    return { ...scalarNode(node.at, substitute(node.value, lookup, onUnset)), tag: node.tag }
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    throw new ComposeError(`error while interpolating ${path}: ${error.message}`, node.at)
  }
}

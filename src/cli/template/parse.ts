/** From tokens to nodes. Source: Go, package text/template, "Actions" and "Pipelines". */

import { FUNCTIONS } from './functions.ts'
import type { Call, Node, Operand, Pipeline, Template } from './nodes.ts'
import { ParseError, type Piece, type Token, tokenize } from './tokens.ts'

/** @throws ParseError in Go's words */
export function parseTemplate(source: string): Template {
  const parser = new Parser(source)
  const { nodes } = parser.list([])
  return { source, body: nodes, named: parser.named }
}

type End = 'end' | 'else'

class Parser {
  readonly named = new Map<string, readonly Node[]>()
  readonly #pieces: Piece[]
  #tokens: Token[] = []
  #at = 0
  #loops = 0
  /** Variables in sight. */
  #variables = ['$']

  constructor(readonly source: string) {
    this.#pieces = tokenize(source)
  }

  /** Nodes up to one of `ends`, or to the end of the template. */
  list(ends: readonly End[]): { nodes: Node[]; end: End | undefined } {
    const nodes: Node[] = []
    for (let piece = this.#pieces.shift(); piece; piece = this.#pieces.shift()) {
      if ('text' in piece) {
        nodes.push({ kind: 'text', text: piece.text })
        continue
      }
      this.#tokens = [...piece.tokens]
      this.#at = piece.at
      const word = this.#tokens[0]?.kind === 'word' ? this.#tokens[0].text : ''
      if (word === 'end' || word === 'else') {
        this.#tokens.shift()
        if (!ends.includes(word)) throw this.#error(`unexpected {{${word}}}`)
        if (word === 'end') this.#done('end')
        return { nodes, end: word }
      }
      const node = this.#action(word)
      if (node) nodes.push(node)
    }
    if (ends.length > 0) throw this.#error('unexpected EOF')
    return { nodes, end: undefined }
  }

  #error(message: string): ParseError {
    return new ParseError(this.source, this.#tokens[0]?.at ?? this.#at, message)
  }

  #action(word: string): Node | undefined {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        this.#tokens.shift()
        return this.#control(word)
      case 'break':
      case 'continue':
        if (this.#tokens.length > 1) break
        if (this.#loops === 0) throw this.#error(`{{${word}}} outside {{range}}`)
        return { kind: word }
      case 'define':
        this.#tokens.shift()
        this.#define()
        return undefined
      case 'block':
      case 'template':
        this.#tokens.shift()
        return this.#invoke(word)
    }
    const pipeline = this.#pipeline('command')
    this.#done('command')
    return { kind: 'action', pipeline }
  }

  #control(kind: 'if' | 'range' | 'with'): Node {
    const outside = this.#variables.length
    const pipeline = this.#pipeline(kind)
    this.#done(kind)
    if (kind === 'range') this.#loops++
    const { nodes: body, end } = this.list(['end', 'else'])
    if (kind === 'range') this.#loops--
    const otherwise = end === 'else' ? this.#otherwise(kind) : []
    this.#variables.length = outside
    return { kind, pipeline, body, otherwise }
  }

  /** After {{else}}: the rest up to {{end}}, or a chained {{else if}}, {{else with}}. */
  #otherwise(kind: 'if' | 'range' | 'with'): readonly Node[] {
    const next = this.#tokens[0]
    if (next?.kind === 'word' && next.text === kind && kind !== 'range') {
      this.#tokens.shift()
      return [this.#control(kind)]
    }
    this.#done('else')
    return this.list(['end']).nodes
  }

  #define(): void {
    const name = this.#name('define clause')
    this.#done('define clause')
    const variables = this.#variables
    this.#variables = ['$']
    this.named.set(name, this.list(['end']).nodes)
    this.#variables = variables
  }

  #invoke(word: 'block' | 'template'): Node {
    const at = this.#at
    const end = this.#tokens.at(-1)?.end ?? at
    const name = this.#name(`${word} clause`)
    const pipeline = this.#tokens.length > 0 ? this.#pipeline(`${word} clause`) : undefined
    this.#done(`${word} clause`)
    if (word === 'block') this.named.set(name, this.list(['end']).nodes)
    return { kind: 'template', name, pipeline, at, end }
  }

  #name(context: string): string {
    const token = this.#tokens.shift()
    if (token?.kind !== 'string') throw this.#error(`unexpected ${show(token)} in ${context}`)
    return token.text
  }

  #done(context: string): void {
    const [extra] = this.#tokens
    if (extra) throw this.#error(`unexpected ${show(extra)} in ${context}`)
  }

  #pipeline(context: string): Pipeline {
    const at = this.#tokens[0]?.at ?? this.#at
    const { variables, assigns } = this.#declaration(context)
    const calls: Call[] = []
    do calls.push(this.#call(context, calls.length > 0))
    while (this.#take('|'))
    // In sight only from here on: `$x := $x` means an outer $x.
    if (!assigns) this.#variables.push(...variables)
    return { variables, assigns, calls: calls as [Call, ...Call[]], at, end: calls.at(-1)?.end ?? at }
  }

  #declaration(context: string): { variables: string[]; assigns: boolean } {
    const [first, second, third, fourth] = this.#tokens
    const isSign = (token: Token | undefined) => token?.text === ':=' || token?.text === '='
    if (first?.kind !== 'variable') return { variables: [], assigns: false }
    if (isSign(second)) {
      this.#tokens.splice(0, 2)
      return { variables: [first.text], assigns: second?.text === '=' }
    }
    if (context === 'range' && second?.text === ',' && third?.kind === 'variable' && isSign(fourth)) {
      this.#tokens.splice(0, 4)
      return { variables: [first.text, third.text], assigns: fourth?.text === '=' }
    }
    return { variables: [], assigns: false }
  }

  #take(text: string): boolean {
    const token = this.#tokens[0]
    if (token?.kind !== 'punctuation' || token.text !== text) return false
    this.#tokens.shift()
    return true
  }

  #call(context: string, piped: boolean): Call {
    const operands: Operand[] = []
    for (let next = this.#tokens[0]; next && next.text !== '|' && next.text !== ')'; next = this.#tokens[0]) {
      operands.push(this.#operand(context))
    }
    const [first] = operands
    if (!first) throw this.#error(piped ? 'missing value for command' : `missing value for ${context}`)
    if (piped && (first.kind === 'literal' || first.kind === 'dot')) {
      throw this.#error(`non executable command in pipeline stage 2`)
    }
    return { operands: [first, ...operands.slice(1)], at: first.at, end: operands.at(-1)?.end ?? first.end }
  }

  #operand(context: string): Operand {
    const token = this.#tokens.shift()
    if (!token) throw this.#error(`missing value for ${context}`)
    const { at, end, text } = token
    switch (token.kind) {
      case 'dot':
        return { kind: 'dot', at, end }
      case 'field':
        return { kind: 'field', at, ...this.#names([text.slice(1)], end) }
      case 'variable':
        if (!this.#variables.includes(text)) throw this.#error(`undefined variable ${JSON.stringify(text)}`)
        return { kind: 'variable', name: text, at, ...this.#names([], end) }
      case 'string':
        return { kind: 'literal', value: text, at, end }
      case 'character':
        return { kind: 'literal', value: text.codePointAt(0) ?? 0, at, end }
      case 'number':
        return { kind: 'literal', value: Number(text.replaceAll('_', '')), at, end }
      case 'word':
        return this.#word(token)
      case 'punctuation':
        if (text !== '(') throw this.#error(`unexpected ${show(token)} in ${context}`)
        return this.#parenthesis(at)
    }
  }

  #parenthesis(at: number): Operand {
    const pipeline = this.#pipeline('parenthesized pipeline')
    const close = this.#tokens[0]?.end ?? pipeline.end
    if (!this.#take(')')) throw this.#error('unclosed left paren')
    return { kind: 'pipeline', pipeline, at, ...this.#names([], close) }
  }

  #word({ text, at, end }: Token): Operand {
    if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true', at, end }
    if (text === 'nil') return { kind: 'literal', value: null, at, end }
    if (!Object.hasOwn(FUNCTIONS, text))
      throw new ParseError(this.source, at, `function ${JSON.stringify(text)} not defined`)
    return { kind: 'function', name: text, at, end }
  }

  /** The fields that follow without a space. */
  #names(first: string[], after: number): { names: string[]; end: number; shownAt?: number | undefined } {
    const names = [...first]
    const next = this.#tokens[0]
    const shownAt = next?.kind === 'field' && next.glued ? next.at : undefined
    let end = after
    for (let next = this.#tokens[0]; next?.kind === 'field' && next.glued; next = this.#tokens[0]) {
      names.push(next.text.slice(1))
      end = next.end
      this.#tokens.shift()
    }
    return { names, end, shownAt }
  }
}

const show = (token: Token | undefined): string => (token ? `<${token.text}>` : '"}}"')

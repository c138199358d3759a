/** Fills a template with data. Source: Go, package text/template. */

import { FUNCTIONS } from './functions.ts'
import type { Call, Node, Operand, Pipeline, Place, Template } from './nodes.ts'
import { goType, show } from './print.ts'
import { isObject, isTrue, LazyStruct, sortedEntries } from './values.ts'

/** The data does not fit the template. Worded as Go words it. */
export class ExecutionError extends Error {}

/** @throws ExecutionError */
export function execute(template: Template, data: unknown): string {
  const run = new Execution(template, data)
  run.list(template.body, data)
  return run.output
}

/** How a list of nodes ended: to its end, or by {{break}} or {{continue}}. */
type Ending = 'end' | 'break' | 'continue'

class Execution {
  output = ''
  #variables: { name: string; value: unknown }[]

  constructor(
    readonly template: Template,
    root: unknown,
  ) {
    this.#variables = [{ name: '$', value: root }]
  }

  list(nodes: readonly Node[], dot: unknown): Ending {
    const outside = this.#variables.length
    for (const node of nodes) {
      const ending = this.#node(node, dot)
      if (ending !== 'end') {
        this.#variables.length = outside
        return ending
      }
    }
    return 'end'
  }

  #node(node: Node, dot: unknown): Ending {
    switch (node.kind) {
      case 'text':
        this.output += node.text
        return 'end'
      case 'action': {
        const value = this.#pipeline(node.pipeline, dot)
        if (node.pipeline.variables.length === 0) this.output += show(value)
        return 'end'
      }
      case 'template':
        this.#invoke(node, node.pipeline && this.#pipeline(node.pipeline, dot))
        return 'end'
      case 'range':
      case 'if':
      case 'with': {
        const outside = this.#variables.length
        const ending = node.kind === 'range' ? this.#range(node, dot) : this.#choice(node, dot)
        this.#variables.length = outside
        return ending
      }
      default:
        return node.kind
    }
  }

  #choice(node: Node & { kind: 'if' | 'range' | 'with' }, dot: unknown): Ending {
    const value = this.#pipeline(node.pipeline, dot)
    if (isTrue(value)) return this.list(node.body, node.kind === 'with' ? value : dot)
    return this.list(node.otherwise, dot)
  }

  #range(node: Node & { kind: 'if' | 'range' | 'with' }, dot: unknown): Ending {
    const { pipeline } = node
    const value = this.#pipeline({ ...pipeline, variables: [] }, dot)
    const entries = this.#entries(pipeline, value)
    if (entries.length === 0) return this.list(node.otherwise, dot)
    const [first, second] = pipeline.variables
    for (const [key, item] of entries) {
      const outside = this.#variables.length
      if (first !== undefined) this.#set(first, second === undefined ? item : key, pipeline.assigns)
      if (second !== undefined) this.#set(second, item, pipeline.assigns)
      const ending = this.list(node.body, item)
      this.#variables.length = outside
      if (ending === 'break') break
    }
    return 'end'
  }

  #entries(place: Place, value: unknown): [unknown, unknown][] {
    if (value === null || value === undefined) return []
    if (Array.isArray(value)) return [...value.entries()]
    if (typeof value === 'number') return Array.from({ length: value }, (_, i) => [i, i])
    if (value instanceof Map) return sortedEntries(value)
    if (isObject(value)) return Object.entries(value)
    throw this.#error(place, `range can't iterate over ${show(value)}`)
  }

  #invoke(node: Node & { kind: 'template' }, dot: unknown): void {
    const nodes = this.template.named.get(node.name)
    if (!nodes) throw this.#error(node, `template ${JSON.stringify(node.name)} not defined`)
    const variables = this.#variables
    this.#variables = [{ name: '$', value: dot }]
    this.list(nodes, dot)
    this.#variables = variables
  }

  #set(name: string, value: unknown, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast(variable => variable.name === name) : undefined
    if (known) known.value = value
    else this.#variables.push({ name, value })
  }

  #pipeline(pipeline: Pipeline, dot: unknown): unknown {
    const [first, ...others] = pipeline.calls
    let value = this.#call(first, dot, [])
    for (const call of others) value = this.#call(call, dot, [value])
    for (const name of pipeline.variables) this.#set(name, value, pipeline.assigns)
    return value
  }

  /** `piped` is the result of the call before, as last argument. */
  #call(call: Call, dot: unknown, piped: readonly unknown[]): unknown {
    const [head, ...rest] = call.operands
    if (head.kind === 'function') return this.#function(head, rest, call, dot, piped)
    const args = () => [...rest.map(operand => this.#operand(operand, dot, [])), ...piped]
    if (
      rest.length + piped.length > 0 &&
      (head.kind === 'literal' || head.kind === 'dot' || ('names' in head && head.names.length === 0))
    )
      throw this.#error(head, `can't give argument to non-function ${this.#source(head)}`)
    return this.#operand(head, dot, args())
  }

  #function(
    head: Operand & { kind: 'function' },
    rest: readonly Operand[],
    call: Place,
    dot: unknown,
    piped: readonly unknown[],
  ): unknown {
    // These two stop at the first argument that decides; what is after it may be an error on purpose.
    if (head.name === 'and' || head.name === 'or') return this.#shortCircuit(head.name, rest, dot, piped)
    const args = [...rest.map(operand => this.#operand(operand, dot, [])), ...piped]
    try {
      return FUNCTIONS[head.name]?.(...args)
    } catch (error) {
      if (error instanceof ExecutionError) throw error
      throw this.#error(call, `error calling ${head.name}: ${(error as Error).message}`)
    }
  }

  #shortCircuit(name: 'and' | 'or', operands: readonly Operand[], dot: unknown, piped: readonly unknown[]): unknown {
    let value: unknown
    for (const operand of operands) {
      value = this.#operand(operand, dot, [])
      if (isTrue(value) === (name === 'or')) return value
    }
    return piped.length > 0 ? piped[0] : value
  }

  #operand(operand: Operand, dot: unknown, args: readonly unknown[]): unknown {
    switch (operand.kind) {
      case 'dot':
        return dot
      case 'literal':
        return operand.value
      case 'function':
        return this.#function(operand, [], operand, dot, [])
      case 'field':
        return this.#fields(operand, dot, operand.names, args)
      case 'variable': {
        const value = this.#variables.findLast(({ name }) => name === operand.name)?.value
        return this.#fields(operand, value, operand.names, args)
      }
      case 'pipeline':
        return this.#fields(operand, this.#pipeline(operand.pipeline, dot), operand.names, args)
    }
  }

  /** Follows names; the arguments are for the last one. */
  #fields(place: Place, of: unknown, names: readonly string[], args: readonly unknown[]): unknown {
    return names.reduce((value, name, i) => this.#field(place, value, name, i === names.length - 1 ? args : []), of)
  }

  #field(place: Place, of: unknown, name: string, args: readonly unknown[]): unknown {
    if (of instanceof LazyStruct) {
      const value = of.field(name)
      if (value === undefined) throw this.#error(place, `can't evaluate field ${name} in type ${of.typeName}`)
      return typeof value === 'function' ? value(...args) : value
    }
    if (args.length > 0) throw this.#error(place, `${name} is not a method but has arguments`)
    if (of instanceof Map) return of.get(name)
    if (of === null || of === undefined) throw this.#error(place, `nil pointer evaluating interface {}.${name}`)
    if (!isObject(of)) throw this.#error(place, `can't evaluate field ${name} in type ${goType(of)}`)
    if (Object.hasOwn(of, name)) return of[name]
    // Go's name of a field and its name in JSON differ in case: .ID and Id, .CPUShares and CpuShares.
    const key = Object.keys(of).find(candidate => candidate.toLowerCase() === name.toLowerCase())
    if (key === undefined) throw this.#error(place, `map has no entry for key ${JSON.stringify(name)}`)
    return of[key]
  }

  #source({ at, end }: Place): string {
    return this.template.source.slice(at, end)
  }

  #error(place: Place, message: string): ExecutionError {
    const before = this.template.source.slice(0, place.shownAt ?? place.at).split('\n')
    const column = before.at(-1)?.length ?? 0
    return new ExecutionError(
      `template: :${before.length}:${column}: executing "" at <${this.#source(place)}>: ${message}`,
    )
  }
}

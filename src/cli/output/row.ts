/** A row of a listing as templates see it: each column is a field, computed when it is asked for. */

import { LazyStruct } from '../template/values.ts'

type FieldsOf<T> = Readonly<Record<string, { readonly value: (row: T) => unknown }>>

export class RowStruct<T> extends LazyStruct {
  readonly typeName = 'row'
  constructor(
    readonly row: T,
    readonly columns: FieldsOf<T>,
  ) {
    super()
  }

  field(name: string): unknown {
    // `Label` takes an argument and is no column: {{.Label "key"}}.
    if (name === 'Label') return (key: unknown) => this.#label(String(key))
    return Object.hasOwn(this.columns, name) ? (this.columns[name]?.value(this.row) ?? '') : undefined
  }

  #label(key: string): string {
    const { Labels: labels } = this.row as { Labels?: Record<string, string> | null }
    return labels?.[key] ?? ''
  }

  toJSON(): unknown {
    const entries = Object.entries(this.columns).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries.map(([name, { value }]) => [name, value(this.row) ?? '']))
  }
}

/** What a template is made of. */

/** A range of the template's text, for messages. */
export interface Place {
  readonly at: number
  readonly end: number
  /** Where messages say that it is, if not at `at`: Go names the second of several fields. */
  readonly shownAt?: number | undefined
}

export type Operand = Place &
  (
    | { readonly kind: 'dot' }
    | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
    /** `.A.B` */
    | { readonly kind: 'field'; readonly names: readonly string[] }
    /** `$x.A.B`; the name with its dollar */
    | { readonly kind: 'variable'; readonly name: string; readonly names: readonly string[] }
    | { readonly kind: 'function'; readonly name: string }
    /** `(pipeline).A.B` */
    | { readonly kind: 'pipeline'; readonly pipeline: Pipeline; readonly names: readonly string[] }
  )

/** A function or field with its arguments, or a value. */
export interface Call extends Place {
  readonly operands: readonly [Operand, ...Operand[]]
}

export interface Pipeline extends Place {
  readonly variables: readonly string[]
  /** `=` instead of `:=`. */
  readonly assigns: boolean
  readonly calls: readonly [Call, ...Call[]]
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'range' | 'with'
      readonly pipeline: Pipeline
      readonly body: readonly Node[]
      readonly otherwise: readonly Node[]
    }
  | ({ readonly kind: 'template'; readonly name: string; readonly pipeline: Pipeline | undefined } & Place)
  | { readonly kind: 'break' | 'continue' }

export interface Template {
  readonly source: string
  readonly body: readonly Node[]
  /** From {{define}} and {{block}}. */
  readonly named: ReadonlyMap<string, readonly Node[]>
}

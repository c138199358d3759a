/** What --format means: nothing or `table`, `table TEMPLATE`, `json`, or a Go template for each row. */

import { write } from '../../client/write.ts'
import { CommandError } from '../errors.ts'
import { type FlagOptions, string } from '../parse/flag.ts'
import type { Session } from '../session.ts'
import type { Template } from '../template/nodes.ts'
import { escapedJson } from '../template/values.ts'
import { RowStruct } from './row.ts'
import { align } from './table.ts'

export interface Column<T> {
  readonly header: string
  readonly value: (row: T) => unknown
}
export type Columns<T> = Readonly<Record<string, Column<T>>>

export interface Listing<T> {
  readonly rows: readonly T[]
  /** All that templates can name; the keys are the names. */
  readonly columns: Columns<T>
  /** What the default table shows. */
  readonly shown: readonly string[]
  /** --format as given. */
  readonly format: string
  /** --quiet: this column alone. */
  readonly quiet?: string | undefined
}

const TABLE_FORMS = "'table', 'table TEMPLATE', 'json', or a Go template for each row"

export const formatFlag = (options?: FlagOptions) => string(`Format of the output: ${TABLE_FORMS}`, options)
/** For what is one object rather than a table. */
export const objectFormatFlag = (options?: FlagOptions) =>
  string("Format of the output: 'json' or a Go template", options)

export async function printListing<T>(session: Session, listing: Listing<T>): Promise<void> {
  await write(session.stdout, await formatListing(listing))
}

export async function formatListing<T>({ rows, columns, shown, format, quiet }: Listing<T>): Promise<string> {
  const cell = (name: string, row: T) => text(columns[name]?.value(row))
  const isTable = format === '' || format === 'table'
  if (quiet !== undefined && isTable) return rows.map(row => `${cell(quiet, row)}\n`).join('')
  if (isTable) {
    const header = shown.map(name => columns[name]?.header ?? '')
    return align(
      [header, ...rows.map(row => shown.map(name => cell(name, row)))].map(cells => `${cells.join('\t')}\n`).join(''),
    )
  }
  if (format === 'json') return rows.map(row => `${escapedJson(new RowStruct(row, columns))}\n`).join('')
  return await templated(rows, columns, format)
}

async function templated<T>(rows: readonly T[], columns: Columns<T>, format: string): Promise<string> {
  const { execute } = await import('../template/execute.ts')
  const [isTable, body] = /^table(\s|$)/.test(format) ? [true, format.slice('table'.length).trim()] : [false, format]
  const template = await parseFormat(unescapeFormat(body))
  const fill = (data: unknown) => wrapErrors('failed to execute template: ', () => execute(template, data))
  const lines = rows.map(row => `${fill(new RowStruct(row, columns))}\n`).join('')
  if (!isTable && rows.length > 0) return lines
  // The headers are a row of text. Filled in when there is none, too: a name that no column has must not go unnoticed.
  const headings = Object.entries(columns).map(([name, { header }]) => [name, { value: () => header }] as const)
  const heading = fill(new RowStruct({}, Object.fromEntries(headings)))
  return isTable ? align(`${heading}\n${lines}`) : ''
}

/** As shells cannot easily type them: \t and \n stand for a tab and a newline. */
export const unescapeFormat = (format: string): string => format.replaceAll('\\t', '\t').replaceAll('\\n', '\n')

/** @throws CommandError for what is no template */
export async function parseFormat(
  format: string,
  prefix = 'failed to parse template: ',
  exitCode = 1,
): Promise<Template> {
  const { parseTemplate } = await import('../template/parse.ts')
  return wrapErrors(prefix, () => parseTemplate(format), exitCode)
}

function wrapErrors<R>(prefix: string, act: () => R, exitCode = 1): R {
  try {
    return act()
  } catch (error) {
    throw new CommandError(prefix + (error as Error).message, exitCode)
  }
}

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value))

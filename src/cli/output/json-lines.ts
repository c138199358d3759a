/** `--format json` for the tables that Docker prints without a format: one object a line, as in the others. */

import { write } from '../../client/write.ts'
import { CommandError } from '../errors.ts'
import { string } from '../parse/flag.ts'
import type { Session } from '../session.ts'

export const jsonFlag = () => string("Format of the output: 'json', one object a line")

/** @throws CommandError for another format than json */
export function wantsJson(format: string): boolean {
  if (format !== '' && format !== 'table' && format !== 'json')
    throw new CommandError(`invalid format "${format}": it must be table or json`)
  return format === 'json'
}

export const writeJsonLines = (session: Session, rows: readonly object[]): Promise<void> =>
  write(session.stdout, rows.map(row => `${JSON.stringify(row)}\n`).join(''))

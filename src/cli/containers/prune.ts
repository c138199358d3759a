/** Removing what is not used: the question, the request and the report. */

import { filtersParameter } from '../../client/engine.ts'
import { write } from '../../client/write.ts'
import type { Context } from '../command.ts'
import { CommandError } from '../errors.ts'
import { confirm } from '../output/confirm.ts'
import { bool, type Filters, filter } from '../parse/flag.ts'

export const PRUNE_FLAGS = {
  filter: filter('Only what has this property: until=24h, label=name'),
  force: bool('Do not ask', { short: 'f' }),
}

type PruneContext = Pick<Context<typeof PRUNE_FLAGS>, 'session' | 'engine'> & { options: { force: boolean } }

/** @throws CommandError when the user says no */
export async function askFirst({ session, options }: PruneContext, warning: string): Promise<void> {
  if (options.force) return
  if (!(await confirm(session, `${warning}\nAre you sure you want to continue?`))) throw new CommandError('', 0)
}

export const prune = <T>({ engine }: Pick<PruneContext, 'engine'>, kind: string, filters: Filters): Promise<T> =>
  engine.post<T>(`/${kind}/prune`, { filters: filtersParameter(filters) })

/** A heading and a line for each; nothing when nothing was removed. */
export async function reportRemoved(
  { session }: Pick<PruneContext, 'session'>,
  heading: string,
  lines: readonly string[],
): Promise<void> {
  if (lines.length > 0) await write(session.stdout, `${heading}:\n${lines.map(line => `${line}\n`).join('')}\n`)
}

export interface ImagesPruned {
  ImagesDeleted?: { Untagged?: string; Deleted?: string }[] | null
  SpaceReclaimed: number
}

export const imageLines = ({ ImagesDeleted }: ImagesPruned): string[] =>
  (ImagesDeleted ?? []).map(({ Untagged, Deleted }) => (Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`))

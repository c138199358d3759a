/** docker ps */

import type { Context } from './context.ts'
import { linkNames } from './links.ts'
import { type FilterContext, matches, prepareFilters } from './list-filters.ts'
import type { LiveContainer } from './live.ts'
import { sizesOf } from './sizes.ts'
import { snapshotOf } from './snapshot.ts'
import type { ContainerService, ListRequest } from './types.ts'

/** Newest first. @throws InvalidParameter for filters that do not exist */
export async function listContainers(context: Context, request: ListRequest): ReturnType<ContainerService['list']> {
  const filters: FilterContext = await prepareFilters(context, request.filters)
  // Asking for a status, or for the last few, is asking for those that do not run, too.
  const all = request.all || request.limit > 0 || (request.filters.status ?? []).length > 0 || filters.exited
  const found: LiveContainer[] = []
  for (const container of newestFirst(context)) {
    if (!all && !container.state.running) continue
    if (!matches(container, filters)) continue
    found.push(container)
    if (request.limit > 0 && found.length === request.limit) break
  }
  const names = linkNames(context)
  return await Promise.all(
    found.map(async container => ({
      container: snapshotOf(container, names.get(container.id)),
      sizes: request.size ? await sizesOf(context, container) : null,
    })),
  )
}

const newestFirst = ({ containers }: Context): LiveContainer[] =>
  [...containers.values()].sort((a, b) => (a.config.created < b.config.created ? 1 : -1))

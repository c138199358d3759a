/** skiff system prune: removes everything that is not used, kind by kind. */

import { filtersParameter } from '../../client/engine.ts'
import { ApiError } from '../../client/errors.ts'
import { write } from '../../client/write.ts'
import { type Context, command } from '../command.ts'
import { askFirst, type ImagesPruned, imageLines, PRUNE_FLAGS, prune, reportRemoved } from '../containers/prune.ts'
import { CommandError } from '../errors.ts'
import { humanSize } from '../output/sizes.ts'
import { bool, type Filters } from '../parse/flag.ts'

const FLAGS = {
  ...PRUNE_FLAGS,
  all: bool('Remove all images that no container uses, with names too', { short: 'a' }),
  volumes: bool('Remove anonymous volumes too'),
}

export const pruneSystem = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: FLAGS,
  async run(context) {
    const { all, volumes, filter } = context.options
    if (volumes && filter.until) throw new CommandError('ERROR: The "until" filter is not supported with "--volumes"')
    await askFirst(context, warning(all, volumes, filter))
    let reclaimed = 0
    const containers = await prune<{ ContainersDeleted?: string[] | null; SpaceReclaimed: number }>(
      context,
      'containers',
      filter,
    )
    await reportRemoved(context, 'Deleted Containers', containers.ContainersDeleted ?? [])
    reclaimed += containers.SpaceReclaimed
    const networks = await prune<{ NetworksDeleted?: string[] | null }>(context, 'networks', filter)
    await reportRemoved(context, 'Deleted Networks', networks.NetworksDeleted ?? [])
    if (volumes) {
      const removed = await prune<{ VolumesDeleted?: string[] | null; SpaceReclaimed: number }>(
        context,
        'volumes',
        filter,
      )
      await reportRemoved(context, 'Deleted Volumes', removed.VolumesDeleted ?? [])
      reclaimed += removed.SpaceReclaimed
    }
    const images = await prune<ImagesPruned>(context, 'images', { ...filter, dangling: [String(!all)] })
    await reportRemoved(context, 'Deleted Images', imageLines(images))
    reclaimed += images.SpaceReclaimed
    reclaimed += await pruneCache(context)
    await write(context.session.stdout, `Total reclaimed space: ${humanSize(reclaimed)}\n`)
  },
})

/** Answers the bytes that were freed. */
async function pruneCache(context: Context<typeof FLAGS>): Promise<number> {
  const { all, filter } = context.options
  const query = { all, filters: filtersParameter(filter) }
  const { CachesDeleted, SpaceReclaimed } = await context.engine
    .post<{ CachesDeleted?: string[] | null; SpaceReclaimed: number }>('/build/prune', query)
    .catch(error => {
      // A daemon that does not build has no cache.
      if (error instanceof ApiError && (error.status === 404 || error.status === 501))
        return { CachesDeleted: [], SpaceReclaimed: 0 }
      throw error
    })
  await reportRemoved(context, 'Deleted build cache objects', CachesDeleted ?? [])
  return SpaceReclaimed
}

function warning(all: boolean, volumes: boolean, filters: Filters): string {
  const kinds = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
    'unused build cache',
  ]
  const given = Object.entries(filters).flatMap(([name, values]) => values.map(value => `${name}=${value}`))
  const items = `\n  Items to be pruned will be filtered with:${given.map(text => `\n  - ${text}`).join('')}\n`
  return `WARNING! This will remove:\n${kinds.map(kind => `  - ${kind}\n`).join('')}${given.length > 0 ? items : ''}`
}

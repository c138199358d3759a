/** skiff builder prune: removes what builds have kept for later ones. */

import { filtersParameter } from '../../client/engine.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { askFirst } from '../containers/prune.ts'
import { bytes } from '../create/flags.ts'
import { humanSize } from '../output/sizes.ts'
import { bool, filter } from '../parse/flag.ts'

export const pruneBuilder = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    all: bool('Remove all of it, not only what no image stands on', { short: 'a' }),
    filter: filter('Only what has this property: until=24h, id=KEY'),
    force: bool('Do not ask', { short: 'f' }),
    'keep-storage': bytes('Leave this much of what was used last'),
  },
  async run(context) {
    const { session, engine, options } = context
    const { all, filter } = options
    await askFirst(context, `WARNING! This will remove all ${all ? '' : 'dangling '}build cache.`)
    const { CachesDeleted, SpaceReclaimed } = await engine.post<{
      CachesDeleted?: string[] | null
      SpaceReclaimed: number
    }>('/build/prune', {
      all: all || undefined,
      filters: filtersParameter(filter),
      'keep-storage': options['keep-storage'] || undefined,
    })
    const removed = CachesDeleted ?? []
    const list = removed.length > 0 ? `Deleted build cache objects:\n${removed.map(id => `${id}\n`).join('')}\n` : ''
    await write(session.stdout, `${list}Total reclaimed space: ${humanSize(SpaceReclaimed)}\n`)
  },
})

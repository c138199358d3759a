/** skiff volume prune: removes anonymous volumes that no container uses, or all such volumes. */

import { compareVersions } from '../../client/engine.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { askFirst, PRUNE_FLAGS, prune, reportRemoved } from '../containers/prune.ts'
import { CommandError } from '../errors.ts'
import { humanSize } from '../output/sizes.ts'
import { bool } from '../parse/flag.ts'

/** Since then the daemon tells anonymous volumes from named ones. */
const ANONYMOUS_SINCE = '1.42'

export const pruneVolumes = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: { ...PRUNE_FLAGS, all: bool('Remove named volumes too', { short: 'a' }) },
  async run(context) {
    const { all, filter } = context.options
    const version = await context.engine.version()
    const old = compareVersions(version, ANONYMOUS_SINCE) < 0
    if (all && old)
      throw new CommandError(
        `"--all" requires API version ${ANONYMOUS_SINCE}, but the Docker daemon API version is ${version}`,
      )
    if (all && filter.all) throw new CommandError('conflicting options: cannot specify both --all and --filter all=1')
    const which = all || old ? 'all' : 'anonymous'
    await askFirst(
      context,
      `WARNING! This will remove ${which === 'all' ? 'all' : 'anonymous'} local volumes not used by at least one container.`,
    )
    const filters = all ? { ...filter, all: ['true'] } : filter
    const answer = await prune<{ VolumesDeleted?: string[] | null; SpaceReclaimed: number }>(
      context,
      'volumes',
      filters,
    )
    await reportRemoved(context, 'Deleted Volumes', answer.VolumesDeleted ?? [])
    await write(context.session.stdout, `Total reclaimed space: ${humanSize(answer.SpaceReclaimed)}\n`)
  },
})

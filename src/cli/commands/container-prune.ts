/** skiff container prune: removes all stopped containers. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { askFirst, PRUNE_FLAGS, prune, reportRemoved } from '../containers/prune.ts'
import { humanSize } from '../output/sizes.ts'

export const pruneContainers = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: PRUNE_FLAGS,
  async run(context) {
    await askFirst(context, 'WARNING! This will remove all stopped containers.')
    const answer = await prune<{ ContainersDeleted?: string[] | null; SpaceReclaimed: number }>(
      context,
      'containers',
      context.options.filter,
    )
    await reportRemoved(context, 'Deleted Containers', answer.ContainersDeleted ?? [])
    await write(context.session.stdout, `Total reclaimed space: ${humanSize(answer.SpaceReclaimed)}\n`)
  },
})

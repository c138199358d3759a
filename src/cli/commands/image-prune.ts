/** skiff image prune: removes images without a name, or all that no container uses. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { askFirst, type ImagesPruned, imageLines, PRUNE_FLAGS, prune, reportRemoved } from '../containers/prune.ts'
import { humanSize } from '../output/sizes.ts'
import { bool } from '../parse/flag.ts'

export const pruneImages = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: { ...PRUNE_FLAGS, all: bool('Remove all that no container uses, with names too', { short: 'a' }) },
  async run(context) {
    const { all, filter } = context.options
    await askFirst(
      context,
      all
        ? 'WARNING! This will remove all images without at least one container associated to them.'
        : 'WARNING! This will remove all dangling images.',
    )
    const answer = await prune<ImagesPruned>(context, 'images', { ...filter, dangling: [String(!all)] })
    await reportRemoved(context, 'Deleted Images', imageLines(answer))
    await write(context.session.stdout, `Total reclaimed space: ${humanSize(answer.SpaceReclaimed)}\n`)
  },
})

/** skiff network prune: removes the networks that no container is connected to. */

import { command } from '../command.ts'
import { askFirst, PRUNE_FLAGS, prune, reportRemoved } from '../containers/prune.ts'

export const pruneNetworks = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: PRUNE_FLAGS,
  async run(context) {
    await askFirst(context, 'WARNING! This will remove all custom networks not used by at least one container.')
    const answer = await prune<{ NetworksDeleted?: string[] | null }>(context, 'networks', context.options.filter)
    await reportRemoved(context, 'Deleted Networks', answer.NetworksDeleted ?? [])
  },
})

/** skiff network disconnect: a container leaves a network. */

import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { bool } from '../parse/flag.ts'

export const disconnect = command({
  usage: '[OPTIONS] NETWORK CONTAINER',
  arity: [2, 2],
  flags: { force: bool('Even if the container is gone', { short: 'f' }) },
  async run({ engine, options, args }) {
    const [network = '', container = ''] = args
    await engine.post(`/networks/${segment(network)}/disconnect`, {}, { Container: container, Force: options.force })
  },
})

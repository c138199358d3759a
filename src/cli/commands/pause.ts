/** skiff pause: freezes all processes of containers. */

import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'

export const pause = command({
  usage: 'CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: {},
  run: ({ session, engine, args }) => forEach(session, args, name => engine.post(`/containers/${segment(name)}/pause`)),
})

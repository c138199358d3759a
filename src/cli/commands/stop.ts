/** skiff stop: asks containers to end, and makes them end when they do not. */

import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'
import { STOP_FLAGS, stopQuery } from '../containers/stopping.ts'

export const stop = command({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: STOP_FLAGS,
  run: context =>
    forEach(context.session, context.args, name =>
      context.engine.post(`/containers/${segment(name)}/stop`, stopQuery(context)),
    ),
})

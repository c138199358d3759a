/** skiff restart: stops containers and starts them again. */

import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'
import { STOP_FLAGS, stopQuery } from '../containers/stopping.ts'

export const restart = command({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: STOP_FLAGS,
  run: context =>
    forEach(context.session, context.args, name =>
      context.engine.post(`/containers/${segment(name)}/restart`, stopQuery(context)),
    ),
})

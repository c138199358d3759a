/** skiff wait: prints the exit code of each container when it has stopped. */

import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { beginWait } from '../containers/attach.ts'
import { forEach } from '../containers/each.ts'

export const wait = command({
  usage: 'CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: {},
  run: ({ session, engine, args }) =>
    forEach(session, args, async name => String(await (await beginWait(engine, segment(name))).outcome)),
})

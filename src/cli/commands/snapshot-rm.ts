/** skiff snapshot rm: removes snapshots that nobody stands on. */

import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'
import { bool } from '../parse/flag.ts'

export const removeSnapshots = command({
  usage: '[OPTIONS] SNAPSHOT [SNAPSHOT...]',
  description: `Remove snapshots. One that containers or other snapshots stand on is kept, unless it is forced:
these have its files then, and the name is gone.`,
  arity: [1, ANY],
  flags: { force: bool('Remove those that are in use, too', { short: 'f' }) },
  run: ({ session, engine, options, args }) =>
    forEach(session, args, name => engine.delete(`/snapshots/${segment(name)}`, { force: options.force })),
})

/** skiff volume rm: removes volumes that no container uses. */

import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'
import { bool } from '../parse/flag.ts'

export const removeVolumes = command({
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  description: 'Remove volumes. One that a container uses cannot be removed.',
  arity: [1, ANY],
  flags: { force: bool('It is no error if there is none', { short: 'f' }) },
  run: ({ session, engine, options, args }) =>
    forEach(session, args, name => engine.delete(`/volumes/${segment(name)}`, { force: options.force })),
})

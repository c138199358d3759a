/** skiff kill: sends a signal to the first process of containers, KILL by default. */

import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'
import { string } from '../parse/flag.ts'

export const kill = command({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: { signal: string('Signal to send', { short: 's' }) },
  run: ({ session, engine, options, args }) =>
    forEach(session, args, name =>
      engine.post(`/containers/${segment(name)}/kill`, { signal: options.signal || undefined }),
    ),
})

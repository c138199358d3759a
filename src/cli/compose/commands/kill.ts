/** skiff compose kill */

import { bool, string } from '../../parse/flag.ts'
import { findOwn, onEach, withProgress } from '../containers.ts'
import { subcommand } from '../subcommand.ts'

export const kill = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    'remove-orphans': bool('', { hidden: true }),
    signal: string('Signal to send', { short: 's', initial: 'SIGKILL' }),
  },
  async run(context) {
    const { engine, options } = context
    const { containers } = await findOwn(context)
    const running = containers.filter(item => item.running)
    await withProgress(context, around =>
      onEach(running, around, ['Killing', 'Killed'], ({ id }) =>
        engine.post(`/containers/${id}/kill`, { signal: options.signal }),
      ),
    )
  },
})

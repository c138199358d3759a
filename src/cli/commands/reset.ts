/** skiff reset: a container back at a snapshot. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { STOP_FLAGS, stopQuery } from '../containers/stopping.ts'
import { CommandError } from '../errors.ts'
import { bool } from '../parse/flag.ts'

const FLAGS = {
  ...STOP_FLAGS,
  kill: bool('Kill a container that runs, in place of stopping it: what it has open is thrown away anyhow', {
    short: 'k',
  }),
}

export const reset = command({
  usage: '[OPTIONS] CONTAINER [SNAPSHOT]',
  description: `Bring a container back to a snapshot; to the one that it stands on unless another is named.
What it has written since is gone. A container that runs is stopped, and started again.`,
  arity: [1, 2],
  flags: FLAGS,
  async run(context) {
    const { session, engine, options, args, given } = context
    if (options.kill && (given.has('timeout') || options.signal))
      throw new CommandError('conflicting options: --kill needs neither --signal nor --timeout')
    const [container = '', snapshot] = args
    const query = options.kill ? { t: 0, signal: 'KILL' } : stopQuery(context)
    await engine.post(`/containers/${segment(container)}/reset`, { ...query, snapshot })
    await write(session.stdout, `${container}\n`)
  },
})

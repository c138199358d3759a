/** skiff rename: another name for a container. */

import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'

export const rename = command({
  usage: 'CONTAINER NEW_NAME',
  arity: [2, 2],
  flags: {},
  async run({ engine, args }) {
    const [from = '', to = ''] = args.map(name => name.trim())
    if (!from || !to) throw new CommandError('Error: Neither old nor new names may be empty')
    try {
      await engine.post(`/containers/${segment(from)}/rename`, { name: to })
    } catch (error) {
      throw new CommandError(`${(error as Error).message}\nError: failed to rename container named ${from}`)
    }
  },
})

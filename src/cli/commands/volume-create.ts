/** skiff volume create: a volume, empty or on what its options say. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { keyValues } from '../create/environment.ts'
import { CommandError } from '../errors.ts'
import { list, map, string } from '../parse/flag.ts'

export const createVolume = command({
  usage: '[OPTIONS] [VOLUME]',
  arity: [0, 1],
  flags: {
    driver: string('Driver of the volume', { short: 'd', initial: 'local' }),
    label: list('Set a label'),
    name: string('', { hidden: true }),
    opt: map('Option of the driver: type=tmpfs, device=…, o=…', { short: 'o' }),
  },
  async run({ session, engine, options, args, given }) {
    if (args[0] !== undefined && options.name)
      throw new CommandError(
        'conflicting options: cannot specify a volume-name through both --name and as a positional arg',
      )
    const name = args[0] ?? options.name
    const { Name } = await engine.post<{ Name: string }>(
      '/volumes/create',
      {},
      {
        Driver: options.driver,
        ...(given.has('opt') && { DriverOpts: options.opt }),
        ...(options.label.length > 0 && { Labels: keyValues(options.label) }),
        ...(name && { Name: name }),
      },
    )
    await write(session.stdout, `${Name}\n`)
  },
})

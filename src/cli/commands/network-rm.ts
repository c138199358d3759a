/** skiff network rm: removes networks that no container is connected to. */

import { isNotFound } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { bool } from '../parse/flag.ts'

export const removeNetworks = command({
  usage: 'NETWORK [NETWORK...]',
  arity: [1, ANY],
  flags: { force: bool('It is no error if there is none', { short: 'f' }) },
  async run({ session, engine, options, args }) {
    const failures: string[] = []
    for (const name of args) {
      try {
        await engine.delete(`/networks/${segment(name)}`)
        await write(session.stdout, `${name}\n`)
      } catch (error) {
        if (options.force && isNotFound(error)) continue
        failures.push((error as Error).message)
        await write(session.stderr, `${failures.at(-1)}\n`)
      }
    }
    if (failures.length > 0) throw new CommandError('exit status 1', 1, failures)
  },
})

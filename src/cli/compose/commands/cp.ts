/** skiff compose cp: as skiff cp, with a service in place of a container. */

import { cp as copy } from '../../commands/cp.ts'
import { splitArgument } from '../../copy/paths.ts'
import { bool, int } from '../../parse/flag.ts'
import { findOne, findOwn } from '../containers.ts'
import { subcommand } from '../subcommand.ts'

export const cp = subcommand({
  usage: '[OPTIONS] SERVICE:SOURCE TARGET|-\n       skiff compose cp [OPTIONS] SOURCE|- SERVICE:TARGET',
  arity: [2, 2],
  flags: {
    all: bool('Copy to all containers of the service, those of run too'),
    archive: bool('Keep owner and group', { short: 'a' }),
    'follow-link': bool('Copy what the source points to, if it is a link', { short: 'L' }),
    index: int("The number of one of the service's containers"),
  },
  async run(context) {
    const { args, options } = context
    const [source = '', target = ''] = args
    const [from, to] = [splitArgument(source), splitArgument(target)]
    const service = from?.container ?? to?.container
    const chosen =
      service === undefined
        ? []
        : options.all && !from
          ? (await findOwn(context, [service])).all.map(({ name }) => name)
          : [(await findOne(context, service, options.index)).name]
    const named = (name: string, given: typeof from, text: string) => (given ? `${name}:${given.path}` : text)
    for (const name of chosen.length > 0 ? chosen : [''])
      await copy.run({
        ...context,
        options: {
          archive: options.archive,
          'follow-link': options['follow-link'],
          quiet: !context.session.isTerminal.stderr,
        },
        args: [named(name, from, source), named(name, to, target)],
      })
  },
})

/** skiff compose exec: one more process in a container of a service. */

import { exec as execute } from '../../commands/exec.ts'
import { bool, int, list, string } from '../../parse/flag.ts'
import { findOne } from '../containers.ts'
import { subcommand } from '../subcommand.ts'

export const exec = subcommand({
  usage: '[OPTIONS] SERVICE COMMAND [ARGS...]',
  arity: [2, Number.POSITIVE_INFINITY],
  interspersed: false,
  flags: {
    detach: bool('Run in the background', { short: 'd' }),
    env: list('Set an environment variable', { short: 'e', type: 'stringArray' }),
    index: int("The number of one of the service's containers"),
    interactive: bool('Keep stdin open', { short: 'i', initial: true, hidden: true }),
    'no-tty': bool('Give it no terminal', { short: 'T', aliases: ['no-TTY'] }),
    privileged: bool('Give all privileges of the host'),
    tty: bool('', { short: 't', initial: true, hidden: true }),
    user: string('User', { short: 'u' }),
    workdir: string('Working directory', { short: 'w' }),
  },
  async run(context) {
    const { session, options, args } = context
    const [service = '', ...words] = args
    const { name } = await findOne(context, service, options.index)
    const { detach, env, privileged, user, workdir } = options
    const tty = options.tty && !options['no-tty'] && session.isTerminal.stdin && session.isTerminal.stdout
    return await execute.run({
      ...context,
      options: {
        detach,
        env,
        privileged,
        user,
        workdir,
        tty,
        interactive: options.interactive && !detach,
        'env-file': [],
        'detach-keys': '',
      },
      args: [name, ...words],
    })
  },
})

/** skiff compose: the commands of a project; each is a file in ../compose/commands. */

import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { wordFailure } from '../compose/failure.ts'
import { GLOBALS } from '../compose/globals.ts'
import { composeHelp, subcommandHelp, usageOf } from '../compose/help.ts'
import { findSubcommand, SUBCOMMANDS } from '../compose/registry.ts'
import { CommandError, UsageError } from '../errors.ts'
import { PROGRAM, withHelp } from '../help.ts'
import { nearest } from '../parse/nearest.ts'
import { parse } from '../parse/parse.ts'

/** Exit code of a command line that is none. */
const EXIT_USAGE = 16

export const compose = command({
  usage: '[OPTIONS] COMMAND',
  description: composeHelp(),
  arity: [0, ANY],
  interspersed: false,
  flags: GLOBALS,
  async run(context) {
    const { session, args } = context
    const [name, ...argv] = args[0] === 'help' ? [...args.slice(1), '--help'] : args
    if (name === undefined || name === '--help') {
      await write(session.stdout, `Usage:  ${PROGRAM} compose [OPTIONS] COMMAND\n\n${composeHelp()}\n`)
      return 0
    }
    const found = findSubcommand(name)
    if (!found) throw unknown(name)
    const subcommand = await found.load()
    try {
      const flags = withHelp(subcommand.flags)
      const { options, args: rest, given } = parse(argv, flags, subcommand.interspersed ?? true)
      if (options.help) {
        await write(session.stdout, subcommandHelp(name, found.summary, subcommand, session.windowSize()?.columns))
        return 0
      }
      const [min, max] = subcommand.arity
      if (rest.length < min || rest.length > max)
        throw new UsageError(
          max === 0
            ? `${PROGRAM} compose ${name} accepts no arguments`
            : `${PROGRAM} compose ${name} requires ${min === max ? '' : 'at least '}${min} argument${min === 1 ? '' : 's'}`,
        )
      return await subcommand.run({ ...context, options, args: rest, given, globals: context.options })
    } catch (error) {
      if (error instanceof UsageError)
        throw new CommandError(
          `${error.message}\n\n${usageOf(name, subcommand)}\n\nRun '${PROGRAM} compose ${name} --help' for more information`,
          EXIT_USAGE,
        )
      throw wordFailure(error)
    }
  },
})

function unknown(name: string): CommandError {
  const meant = nearest(
    name,
    SUBCOMMANDS.map(entry => entry.name),
  )
  const hint = meant === undefined ? '' : `\nDid you mean: ${PROGRAM} compose ${meant}?\n`
  return new CommandError(
    `unknown command: "${PROGRAM} compose ${name}"\n${hint}\nRun '${PROGRAM} compose --help' for more information`,
    EXIT_USAGE,
  )
}

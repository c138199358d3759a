/** skiff create: a container as `run` makes it, not started. */

import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { createContainer } from '../containers/create.ts'
import { createBody, imageAndCommand } from '../create/body.ts'
import { CREATE_FLAGS } from '../create/flags.ts'
import { CommandError, EXIT_REFUSED } from '../errors.ts'

export const create = command({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  arity: [1, ANY],
  firstByFlag: 'from-snapshot',
  interspersed: false,
  flags: CREATE_FLAGS,
  async run(context) {
    const { session, options, args, given } = context
    const { image, command } = imageAndCommand(options, args)
    const body = await createBody({ session, options, given, image, command }).catch(refuse)
    await write(session.stdout, `${await createContainer({ ...context, body })}\n`)
  },
})

/** What was typed makes no container: said as `run` says it. What the daemon refuses is an exit code of 1. */
function refuse(error: Error): never {
  throw new CommandError(`skiff: ${error.message}\n\nRun 'skiff create --help' for more information`, EXIT_REFUSED)
}

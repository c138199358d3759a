/** skiff create: a container as `run` makes it, not started. */

import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { createContainer } from '../containers/create.ts'
import { createBody } from '../create/body.ts'
import { CREATE_FLAGS } from '../create/flags.ts'

export const create = command({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  arity: [1, ANY],
  interspersed: false,
  flags: CREATE_FLAGS,
  async run(context) {
    const { session, options, args, given } = context
    const [image = '', ...words] = args
    const body = await createBody({ session, options, given, image, command: words })
    await write(session.stdout, `${await createContainer({ ...context, body })}\n`)
  },
})

/** skiff env: the words that make Docker's clients talk to skiff, for the shell: `eval $(skiff env)`. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'

export const env = command({
  usage: '[OPTIONS]',
  description: 'Print the variable that makes Docker\'s clients use skiff: eval "$(skiff env)"',
  arity: [0, 0],
  flags: {},
  async run({ session, engine }) {
    const quoted = engine.address.text.replaceAll("'", "'\\''")
    await write(session.stdout, `export DOCKER_HOST='${quoted}'\n`)
  },
})

/** skiff logout: forgets the credentials for a registry. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { DOCKER_HUB, removeCredentials } from '../registry/credentials.ts'

export const logout = command({
  usage: '[SERVER]',
  description: 'Log out from a registry; without a server, from Docker Hub.',
  arity: [0, 1],
  flags: {},
  async run({ session, args, configFolder }) {
    const server = (args[0] ?? '').replace(/^https?:\/\//, '').replace(/\/$/, '') || DOCKER_HUB
    await write(session.stdout, `Removing login credentials for ${server}\n`)
    await removeCredentials(configFolder, session.env, server)
  },
})

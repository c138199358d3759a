/** skiff system dial-stdio: the daemon's socket on stdin and stdout, for a client at the other end of ssh. */

import { connect } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { command } from '../command.ts'

export const dialStdio = command({
  usage: '',
  arity: [0, 0],
  flags: {},
  async run({ session, engine }) {
    const { address } = engine
    // Half-open: the far side's end of input must not cut off what the daemon still answers.
    const socket = connect({
      ...('socketPath' in address ? { path: address.socketPath } : address),
      allowHalfOpen: true,
    })
    const upstream = pipeline(session.stdin, socket, { end: true })
    upstream.catch(() => undefined)
    await pipeline(socket, session.stdout, { end: false })
  },
})

/** RUN --mount=type=ssh: a socket for the command that leads to the client's ssh agent, and is gone with the step. */

import { chmodSync, chownSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'

export interface AgentSocket {
  close(): void
}

/** Resolves when the socket is there. */
export function serveAgent(
  path: string,
  agent: string,
  { uid, gid, mode }: { uid: number; gid: number; mode: number },
): Promise<AgentSocket> {
  const open = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect(agent)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket)
      // An agent that is not there looks to the command like one that hangs up.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        open.delete(socket)
        other.end()
      })
    }
    client.pipe(upstream).pipe(client)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      chownSync(path, uid, gid)
      chmodSync(path, mode)
      resolve({
        close() {
          server.close()
          for (const socket of open) socket.destroy()
        },
      })
    })
  })
}

/** The sockets that a server listens on. */

import { chown, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { Conflict, hasCode } from '../../kernel/errors.ts'

export type ListenAddress =
  /** The socket file is made anew with this mode and group; a dead one in its place is removed. */
  | { kind: 'unix'; path: string; mode: number; gid: number }
  | { kind: 'tcp'; host: string; port: number }
  /** A listening socket inherited from a service manager. */
  | { kind: 'fd'; fd: number }

/** @throws Conflict when somebody answers on the Unix socket already */
export async function listenOn(server: Server, address: ListenAddress): Promise<{ port: number | null }> {
  if (address.kind === 'unix') await removeDeadSocket(address.path)
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
  })
  if (address.kind === 'unix') bindUnix(server, address.path, address.mode)
  else if (address.kind === 'tcp') server.listen({ host: address.host, port: address.port })
  else server.listen({ fd: address.fd })
  await listening
  if (address.kind === 'unix') await chown(address.path, process.getuid?.() ?? 0, address.gid)
  const bound = server.address()
  return { port: typeof bound === 'object' && bound !== null ? bound.port : null }
}

/** The mode comes from the umask at bind(2), not from a chmod afterwards: nobody may slip in between the two. */
function bindUnix(server: Server, path: string, mode: number): void {
  const before = process.umask(0o777 & ~mode)
  try {
    server.listen({ path })
  } finally {
    process.umask(before)
  }
}

async function removeDeadSocket(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve, reject) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', error => (hasCode(error, 'ENOENT', 'ECONNREFUSED') ? resolve(false) : reject(error)))
  })
  if (alive) throw new Conflict(`${path} is in use: another daemon answers on it`)
  try {
    await unlink(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

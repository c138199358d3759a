/** The command host's thread: listens on a socket that the daemon names, until the daemon ends it. */

import { chmodSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { CommandHost } from './command-host.ts'

/** Only who is root may have commands run by root. */
const SOCKET_MODE = 0o600

export interface CommandHostData {
  /** Where to listen. */
  readonly path: string
  /** Of the daemon's API: unix:///… */
  readonly address: string
}

const { path, address } = workerData as CommandHostData
// A thread may read the process's mask, not change it.
const host = new CommandHost(process.umask(), address)
process.on('uncaughtException', error => {
  if (!host.crashed(error)) throw error
})
process.on('unhandledRejection', error => {
  if (!host.crashed(error)) throw error
})
const server = host.server()
server.listen(path, () => {
  chmodSync(path, SOCKET_MODE)
  parentPort?.postMessage('ready')
})

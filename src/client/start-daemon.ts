/** Starts a daemon on the default socket when there is none, as root's `skiff` does. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Address } from './address.ts'

const DAEMON = fileURLToPath(new URL('../../bin/skiffd', import.meta.url))
const LOG = '/var/log/skiffd.log'
/** A user who waits longer is told why. */
const PATIENCE_MS = 1000
const RETRY_MS = 20
/** The first start may have to build skiff; beyond this something hangs. */
const GIVE_UP_MS = 120_000
const LINES_SHOWN = 15

/** Resolves when the daemon listens. @throws Error with the end of the daemon's log when it ends instead */
export async function startDaemon(address: Address, say: (message: string) => void): Promise<void> {
  // A small image may lack it.
  await mkdir(dirname(LOG), { recursive: true })
  const log = await open(LOG, 'a', 0o640)
  const { size: before } = await log.stat()
  const daemon = spawn(DAEMON, [], { detached: true, stdio: ['ignore', log.fd, log.fd], cwd: '/' })
  await log.close()
  let end: string | undefined
  daemon.once('error', error => {
    end = error.message
  })
  daemon.once('exit', (code, signal) => {
    end = signal ?? `exit code ${code}`
  })
  daemon.unref()
  const begun = Date.now()
  let told = false
  while (!(await listens(address))) {
    const waited = Date.now() - begun
    // Another skiff may have started one at the same moment: then ours has given way, and we wait for the other.
    if (end !== undefined && !(await otherIsStarting(before)) && !(await listens(address)))
      throw new Error(`cannot start the skiff daemon: ${end}; its log is ${LOG}${await tail(before)}`)
    if (waited > GIVE_UP_MS) throw new Error(`the skiff daemon does not answer; its log is ${LOG}${await tail(before)}`)
    if (!told && waited > PATIENCE_MS) {
      told = true
      say(`skiff: starting the daemon (its log is ${LOG}) …`)
    }
    await delay(RETRY_MS)
  }
}

/** Whether our daemon ended because the data-root is another's, who still lives. */
async function otherIsStarting(from: number): Promise<boolean> {
  const pid = /in use by another skiffd \(PID (\d+)\)/.exec((await readFile(LOG)).subarray(from).toString())?.[1]
  try {
    return pid !== undefined && process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

async function listens(address: Address): Promise<boolean> {
  const socket = connect('socketPath' in address ? { path: address.socketPath } : address)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** The last lines that were logged since `from`, indented. */
async function tail(from: number): Promise<string> {
  const text = (await readFile(LOG)).subarray(from).toString().trimEnd()
  return (
    text &&
    `:\n${text
      .split('\n')
      .slice(-LINES_SHOWN)
      .map(line => `  ${line}`)
      .join('\n')}`
  )
}

/** A daemon that has begun to serve launchers: otherwise the first command of each test file would run in Node. */

import { setTimeout as sleep } from 'node:timers/promises'
import { cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'

export async function startLaunchedDaemon(): Promise<Daemon> {
  const daemon = await startDaemon()
  while (!(await isLaunched(daemon))) await sleep(50)
  return daemon
}

/** Without a PATH there is no Node: the command succeeds only where a warm process runs it. */
export async function isLaunched(daemon: Daemon): Promise<boolean> {
  await cliOk(daemon, ['version'])
  return cliOk(daemon, ['version'], { env: { PATH: '/nowhere' } }).then(
    () => true,
    () => false,
  )
}

/** A registry on loopback: Debian's docker-registry, with its files in the folder given. */

import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { disposeLater } from '../support/disposal.ts'
import { freePort } from './free-port.ts'

/** Answers `127.0.0.1:port`. `users`: lines of an htpasswd file with bcrypt; without it nobody has to log in. */
export async function startRegistry(folder: string, users?: string): Promise<string> {
  const address = `127.0.0.1:${await freePort()}`
  const password = join(folder, 'htpasswd')
  if (users !== undefined) await writeFile(password, users)
  const auth = users === undefined ? '' : `auth:\n  htpasswd:\n    realm: test\n    path: ${password}\n`
  const config = `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${folder}/registry\nhttp:\n  addr: ${address}\n${auth}`
  await writeFile(join(folder, 'registry.yml'), config)
  const child = spawn('docker-registry', ['serve', join(folder, 'registry.yml')], { stdio: 'ignore' })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  disposeLater(async () => {
    child.kill()
    await ended
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended (${child.exitCode})`)
    if (await fetch(`http://${address}/v2/`).catch(() => undefined)) return address
    await sleep(50)
  }
}

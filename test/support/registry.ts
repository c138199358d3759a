/** Debian's docker-registry on the loopback, for one test file: storage in a folder of its own. */

import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { disposeLater } from './disposal.ts'
import { RUN } from './machine.ts'

export interface RegistryServer {
  /** '127.0.0.1:PORT' */
  host: string
}

/** Ends after the test file. @param auth an htpasswd line (bcrypt) */
export async function startRegistry({ htpasswd }: { htpasswd?: string } = {}): Promise<RegistryServer> {
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-registry-`))
  const host = `127.0.0.1:${await freePort()}`
  const auth = htpasswd === undefined ? '' : `auth: {htpasswd: {realm: test, path: ${folder}/htpasswd}}\n`
  if (htpasswd !== undefined) await writeFile(join(folder, 'htpasswd'), `${htpasswd}\n`)
  await writeFile(
    join(folder, 'config.yml'),
    `version: 0.1\nstorage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}\nhttp: {addr: "${host}"}\nlog: {level: error}\n${auth}`,
  )
  const server = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  const ended = new Promise(resolve => server.once('exit', resolve))
  disposeLater(async () => {
    server.kill()
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  while (!(await answers(host))) await pause(50)
  return { host }
}

async function answers(host: string): Promise<boolean> {
  try {
    const { status } = await fetch(`http://${host}/v2/`)
    return status === 200 || status === 401
  } catch {
    return false
  }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

/** Debian's docker-registry, for one test or one test file: storage in a folder of its own. */

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Certificate } from './certificates.ts'
import { disposeLater } from './disposal.ts'
import { RUN } from './machine.ts'
import { ISSUER, SERVICE } from './token-server.ts'

export interface RegistryOptions {
  /** A line of bcrypt: nobody else gets in. */
  htpasswd?: string
  /** Speaks TLS; with an authority for clients (a path) only to those that it has signed. */
  tls?: Certificate & { clientAuthority?: string }
  /** Sends clients to this token server, whose signatures it checks with this authority (a path). */
  token?: { realm: string; authority: string }
  /** Is a mirror of this registry: 'http://127.0.0.1:5000'. */
  mirrorOf?: string
  address?: string
  /** Takes over the storage of another one. */
  storage?: string
  /** Command to stand before it: nsenter, to run it in another network namespace. */
  through?: readonly string[]
  port?: number
}

export interface RegistryServer {
  /** '127.0.0.1:PORT' */
  host: string
  /** Its files. */
  storage: string
  log(): Promise<string>
}

/** Ends after the test, or after the file when started in beforeAll. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryServer> {
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-registry-`))
  const { address = '127.0.0.1', through = [], storage = join(folder, 'data') } = options
  const host = `${address}:${options.port ?? (await freePort(address))}`
  await writeFile(join(folder, 'config.yml'), await configuration(folder, host, storage, options))
  const log = join(folder, 'log')
  const words = [...through, 'sh', '-c', 'exec docker-registry serve "$0" > "$1" 2>&1', join(folder, 'config.yml'), log]
  const server = spawn(words[0]!, words.slice(1), { stdio: 'ignore' })
  const ended = new Promise(resolve => server.once('exit', resolve))
  disposeLater(async () => {
    server.kill()
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  const hasEnded = () => server.exitCode !== null
  // From another network namespace it cannot be asked: its log has to do.
  const isReady = through.length > 0 ? () => says(log, 'listening on') : () => answers(host, options.tls !== undefined)
  while (!(await isReady())) {
    if (hasEnded()) throw new Error(`docker-registry ended: ${await readFile(log, 'utf8')}`)
    await pause(50)
  }
  return { host, storage, log: () => readFile(log, 'utf8') }
}

async function configuration(
  folder: string,
  host: string,
  storage: string,
  { htpasswd, tls, token, mirrorOf }: RegistryOptions,
): Promise<string> {
  const http: Record<string, unknown> = { addr: host }
  if (tls) {
    const clientcas = tls.clientAuthority === undefined ? {} : { clientcas: [tls.clientAuthority] }
    http.tls = { certificate: tls.certificate, key: tls.key, ...clientcas }
  }
  const auth: Record<string, unknown> = {}
  if (htpasswd !== undefined) {
    await writeFile(join(folder, 'htpasswd'), `${htpasswd}\n`)
    auth.htpasswd = { realm: 'test', path: join(folder, 'htpasswd') }
  }
  if (token) auth.token = { realm: token.realm, service: SERVICE, issuer: ISSUER, rootcertbundle: token.authority }
  // YAML takes JSON.
  return JSON.stringify({
    version: '0.1',
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http,
    log: { level: 'info', accesslog: { disabled: false } },
    ...(Object.keys(auth).length > 0 && { auth }),
    ...(mirrorOf && { proxy: { remoteurl: mirrorOf } }),
  })
}

const says = async (log: string, words: string): Promise<boolean> =>
  (await readFile(log, 'utf8').catch(() => '')).includes(words)

/** Whether somebody listens: what a registry with TLS answers to a stranger is its own matter. */
function answers(host: string, isSecure: boolean): Promise<boolean> {
  return new Promise(resolve => {
    const ask = isSecure ? secureRequest : request
    const agent = isSecure ? {} : { agent: new Agent() }
    const asked = ask(
      `${isSecure ? 'https' : 'http'}://${host}/v2/`,
      { rejectUnauthorized: false, ...agent },
      response => {
        response.resume()
        resolve([200, 401].includes(response.statusCode ?? 0))
      },
    )
    asked.on('error', error => resolve(/alert|certificate/i.test(error.message)))
    asked.end()
  })
}

function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, address, () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

/**
 * Credentials for registries, kept in config.json as Docker keeps them: in the file itself (base64), or in a credential
 * helper. Source: docker-credential-helpers, "Development"; and the keys auths, credsStore, credHelpers of Docker's file.
 */

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'

/** How Docker Hub is called in config.json. */
export const DOCKER_HUB = 'https://index.docker.io/v1/'

export interface Credentials {
  readonly username: string
  readonly password: string
  readonly serveraddress: string
  readonly identitytoken?: string | undefined
}

interface StoredAuth {
  auth?: string
  identitytoken?: string
}

interface ConfigFile {
  auths?: Record<string, StoredAuth>
  credsStore?: string
  credHelpers?: Record<string, string>
  [key: string]: unknown
}

type Environment = Readonly<Record<string, string | undefined>>

/** The server whose credentials are for an image of this full name. */
export function serverOf(fullName: string): string {
  const [host = ''] = fullName.split('/')
  return host === 'docker.io' ? DOCKER_HUB : host
}

/** X-Registry-Auth for an image: base64url of JSON; `{}` when nothing is known. */
export async function authHeader(
  configFolder: string,
  env: Environment,
  fullName: string,
): Promise<Record<string, string>> {
  const credentials = await loadCredentials(configFolder, env, serverOf(fullName))
  return { 'X-Registry-Auth': Buffer.from(JSON.stringify(credentials ?? {})).toString('base64url') }
}

/** X-Registry-Config: what is known of every registry, for a build that may ask any of them. */
export async function allCredentials(configFolder: string, env: Environment): Promise<string> {
  const servers = Object.keys((await readConfig(configFolder)).auths ?? {})
  const found = await Promise.all(
    servers.map(async server => [server, await loadCredentials(configFolder, env, server)]),
  )
  return Buffer.from(JSON.stringify(Object.fromEntries(found))).toString('base64url')
}

export async function loadCredentials(
  configFolder: string,
  env: Environment,
  server: string,
): Promise<Credentials | undefined> {
  const config = await readConfig(configFolder)
  const helper = helperFor(config, server)
  if (helper) return await fromHelper(helper, env, server)
  const stored =
    config.auths?.[server] ?? config.auths?.[`https://${server}`] ?? config.auths?.[`https://${server}/v1/`]
  if (!stored) return undefined
  const [username = '', ...password] = Buffer.from(stored.auth ?? '', 'base64')
    .toString()
    .split(':')
  return { username, password: password.join(':'), serveraddress: server, identitytoken: stored.identitytoken }
}

/** Answers whether they are in the file itself, unencrypted. */
export async function saveCredentials(
  configFolder: string,
  env: Environment,
  credentials: Credentials,
): Promise<boolean> {
  const { serveraddress: server, username, password, identitytoken } = credentials
  const config = await readConfig(configFolder)
  const helper = helperFor(config, server)
  const auths = { ...config.auths }
  if (helper) {
    const [Username, Secret] = identitytoken ? ['<token>', identitytoken] : [username, password]
    await runHelper(helper, env, 'store', JSON.stringify({ ServerURL: server, Username, Secret }))
    auths[server] = {}
  } else {
    const auth = Buffer.from(`${username}:${identitytoken ? '' : password}`).toString('base64')
    auths[server] = { auth, ...(identitytoken && { identitytoken }) }
  }
  await writeConfig(configFolder, { ...config, auths })
  return !helper
}

/** Under each of the names that clients have stored them by. A helper may know what the config file does not mention. */
export async function removeCredentials(configFolder: string, env: Environment, server: string): Promise<void> {
  const config = await readConfig(configFolder)
  const helper = helperFor(config, server)
  const names = server === DOCKER_HUB ? [server] : [server, `http://${server}`, `https://${server}`]
  const auths = config.auths ?? {}
  for (const name of helper ? names : []) {
    // Many helpers refuse to erase what they do not have.
    await runHelper(helper!, env, 'erase', name).catch(error => {
      if (name in auths) throw error
    })
  }
  const kept = Object.entries(auths).filter(([name]) => !names.includes(name))
  if (kept.length < Object.keys(auths).length)
    await writeConfig(configFolder, { ...config, auths: Object.fromEntries(kept) })
}

const helperFor = (config: ConfigFile, server: string): string | undefined =>
  config.credHelpers?.[server] ?? config.credsStore

async function fromHelper(helper: string, env: Environment, server: string): Promise<Credentials | undefined> {
  const answer = await runHelper(helper, env, 'get', server)
  if (answer === undefined) return undefined
  const { Username, Secret } = JSON.parse(answer) as { Username: string; Secret: string }
  return Username === '<token>'
    ? { username: '', password: '', serveraddress: server, identitytoken: Secret }
    : { username: Username, password: Secret, serveraddress: server }
}

/** undefined: the helper has nothing for this server. The secret goes through pipes, never through arguments. */
async function runHelper(helper: string, env: Environment, verb: string, input: string): Promise<string | undefined> {
  const child = spawn(`docker-credential-${helper}`, [verb], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...env } })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  child.stdin.on('error', () => undefined).end(input)
  const output = await text(child.stdout)
  const code = await ended
  if (code === 0) return output
  if (/credentials not found/.test(output)) return undefined
  throw new Error(
    `error getting credentials - docker-credential-${helper} ${verb}: exit status ${code}: ${output.trim()}`,
  )
}

async function readConfig(folder: string): Promise<ConfigFile> {
  try {
    return JSON.parse(await readFile(`${folder}/config.json`, 'utf8')) as ConfigFile
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Error(`error loading config file ${folder}/config.json: ${(error as Error).message}`)
  }
}

/** Replaces the file in one step; nobody else may read it. */
async function writeConfig(folder: string, config: ConfigFile): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = `${folder}/.config.json.${randomUUID()}`
  await writeFile(temporary, `${JSON.stringify(config, null, '\t')}\n`, { mode: 0o600 })
  await chmod(temporary, 0o600)
  await rename(temporary, `${folder}/config.json`)
}

/**
 * Where a registry is: its addresses in the order in which they are tried, and how each is spoken to (TLS, proxies).
 * The names and folders are Docker's: registry-mirrors, insecure-registries, /etc/docker/certs.d/HOST/{*.crt,*.cert,*.key}.
 */

import { readdir, readFile } from 'node:fs/promises'
import { BlockList, isIP } from 'node:net'
import { join } from 'node:path'
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { DEFAULT_DOMAIN } from '../references.ts'

export interface RegistryConfig {
  /** Tried before Docker Hub: 'https://mirror.example'. */
  mirrors: readonly string[]
  /** HOST, HOST:PORT or a CIDR: certificates are not checked, and plain HTTP is tried where TLS does not answer. */
  insecureRegistries: readonly string[]
  /** Folders with a folder HOST[:PORT] per registry, the first that has one counts. */
  certificateFolders: readonly string[]
}

export interface Endpoint {
  /** Without a slash at its end: 'https://registry-1.docker.io'. */
  url: string
  isMirror: boolean
  dispatcher: Dispatcher
}

const DOCKER_HUB = 'https://registry-1.docker.io'
const CONNECT_TIMEOUT_MS = 15_000
const HEADERS_TIMEOUT_MS = 60_000

/** Whether a registry may be spoken to without a valid certificate. Docker's rule: what is on the loopback may. */
export function isInsecure(domain: string, insecure: readonly string[]): boolean {
  const host = domain.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return true
  return insecure.some(entry => entry === domain || entry === host || (entry.includes('/') && isWithin(host, entry)))
}

function isWithin(host: string, cidr: string): boolean {
  const [address = '', length = ''] = cidr.split('/')
  const version = isIP(address)
  if (version === 0 || isIP(host) !== version) return false
  const list = new BlockList()
  list.addSubnet(address, Number(length), version === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/** The addresses of a registry; mirrors stand for Docker Hub only, and only for pulls. */
export async function endpointsOf(
  domain: string,
  config: RegistryConfig,
  purpose: 'pull' | 'push',
): Promise<Endpoint[]> {
  if (domain !== DEFAULT_DOMAIN) return hostEndpoints(domain, config)
  const mirrors = purpose === 'pull' ? config.mirrors : []
  const found = await Promise.all(
    mirrors.map(async mirror => {
      const url = parseMirror(mirror)
      const dispatcher = await dispatcherFor(url.host, config, isInsecure(url.host, config.insecureRegistries))
      return { url: url.href.replace(/\/$/, ''), isMirror: true, dispatcher }
    }),
  )
  return [
    ...found,
    { url: DOCKER_HUB, isMirror: false, dispatcher: await dispatcherFor(DEFAULT_DOMAIN, config, false) },
  ]
}

async function hostEndpoints(domain: string, config: RegistryConfig): Promise<Endpoint[]> {
  const insecure = isInsecure(domain, config.insecureRegistries)
  const dispatcher = await dispatcherFor(domain, config, insecure)
  const https = { url: `https://${domain}`, isMirror: false, dispatcher }
  return insecure ? [https, { ...https, url: `http://${domain}` }] : [https]
}

function parseMirror(mirror: string): URL {
  try {
    return new URL(mirror)
  } catch (cause) {
    throw new InvalidParameter(`invalid mirror: "${mirror}" is not a valid URI`, { cause })
  }
}

async function dispatcherFor(host: string, config: RegistryConfig, insecure: boolean): Promise<Dispatcher> {
  const certificates = await readCertificates(host, config.certificateFolders)
  const options = {
    connect: { ...certificates, rejectUnauthorized: !insecure, timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A layer may take hours; a connection on which nothing comes for this long is dead.
    bodyTimeout: HEADERS_TIMEOUT_MS,
  }
  const { env } = process
  const isProxied = env.HTTPS_PROXY || env.https_proxy || env.HTTP_PROXY || env.http_proxy
  return isProxied ? new EnvHttpProxyAgent({ ...options, requestTls: options.connect }) : new Agent(options)
}

/** *.crt are authorities to trust, *.cert and *.key of one name a certificate of one's own. @throws InvalidParameter */
async function readCertificates(
  host: string,
  folders: readonly string[],
): Promise<{ ca?: string[]; cert?: string; key?: string }> {
  for (const folder of folders) {
    const names = await list(join(folder, host))
    if (!names) continue
    const read = (name: string) => readFile(join(folder, host, name), 'utf8')
    const ca = await Promise.all(names.filter(name => name.endsWith('.crt')).map(read))
    const own = names.find(name => name.endsWith('.cert'))
    if (own === undefined) return ca.length > 0 ? { ca } : {}
    const keyName = own.replace(/\.cert$/, '.key')
    if (!names.includes(keyName))
      throw new InvalidParameter(
        `missing key ${keyName} for client certificate ${own}. CA certificates must use the extension .crt`,
      )
    return { ...(ca.length > 0 ? { ca } : {}), cert: await read(own), key: await read(keyName) }
  }
  return {}
}

async function list(folder: string): Promise<string[] | null> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}

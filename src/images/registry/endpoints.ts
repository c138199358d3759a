/**
 * Where a registry is: its addresses in the order in which they are tried, and how each is spoken to (TLS, proxies).
 * The names and folders are Docker's: registry-mirrors, insecure-registries, /etc/docker/certs.d/HOST/{*.crt,*.cert,*.key}.
 */

import { lookup } from 'node:dns/promises'
import { readdir, readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { Dispatcher } from 'undici'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { DEFAULT_DOMAIN } from '../references.ts'
import { isWithin, type ProxyConfig, RoutingDispatcher } from './proxies.ts'

export interface RegistryConfig {
  /** Tried before Docker Hub: 'https://mirror.example'. */
  mirrors: readonly string[]
  /** HOST, HOST:PORT or a CIDR: certificates are not checked, and plain HTTP is tried where TLS does not answer. */
  insecureRegistries: readonly string[]
  /** Folders with a folder HOST[:PORT] per registry, the first that has one counts. */
  certificateFolders: readonly string[]
  proxies: ProxyConfig
}

export interface Endpoint {
  /** Without a slash at its end: 'https://registry-1.docker.io'. */
  url: string
  isMirror: boolean
  /** Https where plain http is tried next. */
  isFirstGuess: boolean
  dispatcher: Dispatcher
}

const DOCKER_HUB = 'https://registry-1.docker.io'
const CONNECT_TIMEOUT_MS = 15_000
const HEADERS_TIMEOUT_MS = 60_000

/** Whether a registry may be spoken to without a valid certificate. Docker's rule: what is on the loopback may. */
export async function isInsecure(domain: string, insecure: readonly string[]): Promise<boolean> {
  const host = domain.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  if (host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))) return true
  if (insecure.some(entry => entry === domain || entry === host)) return true
  const networks = insecure.filter(entry => entry.includes('/'))
  if (networks.length === 0) return false
  const addresses = isIP(host) === 0 ? await addressesOf(host) : [host]
  return addresses.some(address => networks.some(network => isWithin(address, network)))
}

/** None for a name that nobody knows: whoever connects says so. */
async function addressesOf(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch (error) {
    if (hasCode(error, 'ENOTFOUND', 'EAI_AGAIN', 'ENODATA')) return []
    throw error
  }
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
      const dispatcher = await dispatcherFor(url.host, config, await isInsecure(url.host, config.insecureRegistries))
      return { url: url.href.replace(/\/$/, ''), isMirror: true, isFirstGuess: false, dispatcher }
    }),
  )
  return [
    ...found,
    {
      url: DOCKER_HUB,
      isMirror: false,
      isFirstGuess: false,
      dispatcher: await dispatcherFor(DEFAULT_DOMAIN, config, false),
    },
  ]
}

async function hostEndpoints(domain: string, config: RegistryConfig): Promise<Endpoint[]> {
  const insecure = await isInsecure(domain, config.insecureRegistries)
  const dispatcher = await dispatcherFor(domain, config, insecure)
  const https = { url: `https://${domain}`, isMirror: false, isFirstGuess: insecure, dispatcher }
  return insecure ? [https, { ...https, url: `http://${domain}`, isFirstGuess: false }] : [https]
}

/** @throws InvalidParameter in dockerd's words */
export function parseMirror(mirror: string): URL {
  const wrong = (why: string): InvalidParameter => new InvalidParameter(`invalid mirror: ${why}`)
  if (!URL.canParse(mirror)) throw wrong(`"${mirror}" is not a valid URI`)
  const url = new URL(mirror)
  if (!/^https?:$/.test(url.protocol))
    throw wrong(`unsupported scheme "${url.protocol.slice(0, -1)}" in "${mirror}": use http or https`)
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw wrong(`path, query, or fragment at end of the URI "${mirror}"`)
  if (url.username !== '' || url.password !== '') throw wrong('username/password not allowed in URI')
  return url
}

async function dispatcherFor(host: string, config: RegistryConfig, insecure: boolean): Promise<Dispatcher> {
  const certificates = await readCertificates(host, config.certificateFolders)
  const ca = insecure ? [] : [...certificates.ca, ...(await systemAuthorities())]
  const { cert, key } = certificates
  const secureContext = createSecureContext({
    ...(ca.length > 0 ? { ca } : {}),
    ...(cert === undefined ? {} : { cert, key }),
  })
  const options = {
    connect: { secureContext, rejectUnauthorized: !insecure, timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A layer may take hours; a connection on which nothing comes for this long is dead.
    bodyTimeout: HEADERS_TIMEOUT_MS,
  }
  return new RoutingDispatcher(options, config.proxies)
}

interface Certificates {
  ca: string[]
  cert?: string
  key?: string
}

/** *.crt are authorities to trust, *.cert and *.key of one name a certificate of one's own. @throws InvalidParameter */
async function readCertificates(host: string, folders: readonly string[]): Promise<Certificates> {
  for (const folder of folders) {
    const names = await list(join(folder, host))
    if (!names) continue
    const read = (name: string) => readFile(join(folder, host, name), 'utf8')
    const ca = await Promise.all(names.filter(name => name.endsWith('.crt')).map(read))
    const own = names.find(name => name.endsWith('.cert'))
    if (own === undefined) return { ca }
    const keyName = own.replace(/\.cert$/, '.key')
    if (!names.includes(keyName))
      throw new InvalidParameter(
        `missing key ${keyName} for client certificate ${own}. CA certificates must use the extension .crt`,
      )
    return { ca, cert: await read(own), key: await read(keyName) }
  }
  return { ca: [] }
}

/** Where the machine keeps the authorities that its administrator trusts; the first counts, as for Go's programs. */
const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** None: Node's own list counts. */
async function systemAuthorities(): Promise<string[]> {
  const given = process.env.SSL_CERT_FILE
  for (const path of given ? [given] : SYSTEM_AUTHORITIES) {
    try {
      return [await readFile(path, 'utf8')]
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }
  return []
}

async function list(folder: string): Promise<string[] | null> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw error
  }
}

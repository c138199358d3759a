/** What a container's /etc/hosts and /etc/resolv.conf hold. hosts(5), resolv.conf(5). */

import { isIP } from 'node:net'
import { InvalidParameter } from '../kernel/errors.ts'

export interface ResolvConf {
  servers: string[]
  search: string[]
  options: string[]
}

/** Reads resolv.conf(5); the last search or domain line counts, unknown lines are passed over. */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { servers: [], search: [], options: [] }
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver' && values[0] && isIP(values[0].replace(/%.*$/, ''))) conf.servers.push(values[0])
    if (keyword === 'search' || keyword === 'domain') conf.search = values
    if (keyword === 'options') conf.options.push(...values)
  }
  return conf
}

export function formatResolvConf({ servers, search, options }: ResolvConf): string {
  return [
    ...servers.map(server => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n')
}

/** Servers on the host's loopback (systemd-resolved's stub, a local cache) are not those on a container's. */
export const isLoopback = (server: string): boolean => server.startsWith('127.') || server === '::1'

/** What Docker takes when the host names no server that a container could reach. */
export const PUBLIC_SERVERS: readonly string[] = ['8.8.8.8', '8.8.4.4']

const HOSTS_HEAD = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`

export interface HostsEntry {
  address: string
  names: readonly string[]
}

export const formatHosts = (entries: readonly HostsEntry[]): string =>
  HOSTS_HEAD + entries.map(({ address, names }) => `${address}\t${names.join(' ')}\n`).join('')

/**
 * What of a file that a container may have edited is ours: `before` gives way to `after`, line by line, and every other line stays.
 */
export function replaceLines(text: string, before: string, after: string): string {
  if (text === before) return after
  const gone = without(before.split('\n'), after.split('\n'))
  const added = without(after.split('\n'), before.split('\n'))
  const kept = without(text.replace(/\n$/, '').split('\n'), gone)
  return [...kept, ...added].map(line => `${line}\n`).join('')
}

/** Takes each of `taken` out once. */
function without(lines: readonly string[], taken: readonly string[]): string[] {
  const left = [...taken]
  return lines.filter(line => {
    const at = left.indexOf(line)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}

/** `--add-host name:address`; 'host-gateway' stands for the address at which the container finds the host. @throws InvalidParameter */
export function extraHost(text: string, hostGateway: string): HostsEntry {
  const colon = text.indexOf(':')
  const name = text.slice(0, colon)
  const given = text.slice(colon + 1).replace(/^\[(.*)\]$/, '$1')
  const address = given === 'host-gateway' ? hostGateway : given
  if (colon < 1 || isIP(address) === 0)
    throw new InvalidParameter(`invalid IP address in add-host: "${text.slice(colon + 1)}"`)
  return { address, names: [name] }
}

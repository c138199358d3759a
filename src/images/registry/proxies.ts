/** Which proxy a request goes through: http-proxy, https-proxy and no-proxy of daemon.json, or of the environment, with Go's rules. */

import { BlockList, isIP } from 'node:net'
import { Agent, Dispatcher, ProxyAgent } from 'undici'
import { InvalidParameter } from '../../kernel/errors.ts'

export interface ProxyConfig {
  /** '' for none. */
  http: string
  https: string
  /** HOST, .DOMAIN, HOST:PORT, an address or a CIDR, separated by commas; * for all. */
  no: string
}

/** `url` is the proxy's; null: the request goes there directly. Source: golang.org/x/net/http/httpproxy. */
export function proxyFor(origin: URL, { http, https, no }: ProxyConfig): string | null {
  const proxy = origin.protocol === 'https:' ? https : http
  const host = bare(origin.hostname)
  const port = origin.port || (origin.protocol === 'https:' ? '443' : '80')
  if (proxy === '' || host === 'localhost' || isLoopback(host)) return null
  const exempt = no.split(',').some(entry => isExempt(entry.trim().toLowerCase(), host, port))
  return exempt ? null : proxy
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '')
const isLoopback = (host: string): boolean => host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

function isExempt(entry: string, host: string, port: string): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  if (entry.includes('/')) return isWithin(host, entry)
  const [, name = '', ofPort] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
  if (ofPort !== undefined && ofPort !== port) return false
  const domain = bare(name).replace(/^\*?\./, '')
  const isSubdomain = isIP(domain) === 0 && host.endsWith(`.${domain}`)
  return isSubdomain || (host === domain && !/^\*?\./.test(name))
}

/** Whether an address is in a CIDR: '10.0.0.0/8'. */
export function isWithin(host: string, cidr: string): boolean {
  const [address = '', length = ''] = cidr.split('/')
  const version = isIP(address)
  const isLength = /^\d+$/.test(length) && Number(length) <= (version === 4 ? 32 : 128)
  if (version === 0 || !isLength || isIP(host) !== version) return false
  const list = new BlockList()
  list.addSubnet(address, Number(length), version === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/** Sends each request the way that is right for its host: a redirect may lead to another one. */
export class RoutingDispatcher extends Dispatcher {
  readonly #direct: Agent
  readonly #proxies = new Map<string, ProxyAgent>()

  constructor(
    private readonly options: Agent.Options,
    private readonly proxies: ProxyConfig,
  ) {
    super()
    this.#direct = new Agent(options)
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const proxy = proxyFor(new URL(String(options.origin)), this.proxies)
    return (proxy === null ? this.#direct : this.#through(proxy)).dispatch(options, handler)
  }

  override destroy(): Promise<void> {
    const all = [this.#direct, ...this.#proxies.values()]
    return Promise.all(all.map(agent => agent.destroy())).then(() => {})
  }

  #through(proxy: string): ProxyAgent {
    let agent = this.#proxies.get(proxy)
    if (agent === undefined) {
      const uri = /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`
      if (!URL.canParse(uri)) throw new InvalidParameter(`invalid proxy: ${JSON.stringify(proxy)} is not a URL`)
      const { connect, ...rest } = this.options
      // Plain http goes through as a request for a whole URL: many a proxy opens tunnels to port 443 alone.
      agent = new ProxyAgent({ ...rest, uri, requestTls: connect as object, proxyTunnel: false })
      this.#proxies.set(proxy, agent)
    }
    return agent
  }
}

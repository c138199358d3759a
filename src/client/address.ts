/** Where the daemon listens: unix:///path, tcp://host:port or http://host:port, as in --host and DOCKER_HOST. */

export const DEFAULT_ADDRESS = 'unix:///run/skiff/skiff.sock'

/** Docker's registered port for the unencrypted API. */
const DEFAULT_PORT = 2375

export type Address = { readonly text: string } & (
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number; readonly basePath: string }
)

/** @throws Error in Docker's words when it is no address */
export function parseAddress(text: string): Address {
  const [, scheme = 'tcp', rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/s.exec(text.trim()) ?? []
  switch (scheme) {
    case 'unix':
      return { text, socketPath: rest || DEFAULT_ADDRESS.slice('unix://'.length) }
    case 'tcp':
    case 'http':
      return parseTcp(text, rest)
    default:
      throw new Error(
        `unable to parse docker host "${text}": the scheme ${scheme}:// is not supported (unix://, tcp://)`,
      )
  }
}

function parseTcp(text: string, rest: string): Address {
  const [authority = '', ...path] = rest.split('/')
  const parts = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(authority)
  if (!parts) throw new Error(`invalid bind address (${authority}): should not contain more than a host and a port`)
  return {
    text: /^[a-z]+:\/\//.test(text) ? text : `tcp://${text}`,
    host: parts[1] ?? (parts[2] || '127.0.0.1'),
    port: Number(parts[3] ?? DEFAULT_PORT),
    basePath: path.length > 0 ? `/${path.join('/')}`.replace(/\/$/, '') : '',
  }
}

/** The address from the command line, SKIFF_HOST, DOCKER_HOST or the default, in this order. */
export function chooseAddress(hosts: readonly string[], env: Readonly<Record<string, string | undefined>>): Address {
  if (hosts.length > 1) throw new Error('Specify only one -H')
  return parseAddress(hosts[0] || env.SKIFF_HOST || env.DOCKER_HOST || DEFAULT_ADDRESS)
}

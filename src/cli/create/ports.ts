/** --publish and --expose: ports, ranges of ports, and the addresses that they are published at. */

export interface PortBinding {
  readonly HostIp: string
  readonly HostPort: string
}
export interface Ports {
  readonly ExposedPorts: Readonly<Record<string, object>>
  readonly PortBindings: Readonly<Record<string, readonly PortBinding[]>>
}

const PROTOCOLS = ['tcp', 'udp', 'sctp']

/** @throws Error in Docker's words */
export function parsePorts(publish: readonly string[], expose: readonly string[]): Ports {
  const exposed: Record<string, object> = {}
  const bindings: Record<string, PortBinding[]> = {}
  for (const text of publish) {
    for (const [port, binding] of publication(text)) {
      exposed[port] = {}
      bindings[port] = [...(bindings[port] ?? []), binding]
    }
  }
  for (const text of expose) for (const port of exposure(text)) exposed[port] = {}
  return { ExposedPorts: exposed, PortBindings: bindings }
}

function exposure(text: string): string[] {
  if (text.includes(':')) throw new Error(`invalid port format for --expose: ${text}`)
  const [ports = '', protocol = 'tcp'] = text.split('/')
  const range = parseRange(ports)
  if (!range) throw new Error(`invalid range format for --expose: ${text}, error: ${rangeComplaint(ports)}`)
  checkProtocol(protocol)
  return count(range).map(port => `${port}/${protocol.toLowerCase()}`)
}

/** `[[address:]host:]container[/protocol]`; address in brackets when it is IPv6. */
function publication(text: string): [string, PortBinding][] {
  const [, address = '', host, containerPart = ''] = /^(?:(?:(\[.*\]|.*):)?([^:]*):)?([^:]*)$/s.exec(text) ?? []
  const [containerPorts = '', protocol = 'tcp'] = containerPart.split('/')
  const ip = address.replace(/^\[(.*)\]$/, '$1')
  if (ip && !isAddress(ip)) throw new Error(`invalid IP address: ${ip}`)
  if (!containerPorts) throw new Error(`no port specified: ${text}<empty>`)
  const container = parseRange(containerPorts)
  if (!container) throw new Error(`invalid containerPort: ${containerPorts}`)
  const hostRange = host ? parseRange(host) : undefined
  if (host && !hostRange) throw new Error(`invalid hostPort: ${host}`)
  checkProtocol(protocol)
  const size = container.to - container.from
  // A range of host ports for one port of the container: the daemon takes the first free one.
  if (hostRange && hostRange.to - hostRange.from !== size && size > 0)
    throw new Error(`invalid ranges specified for container and host Ports: ${containerPorts} and ${host}`)
  return count(container).map((port, i) => [
    `${port}/${protocol.toLowerCase()}`,
    { HostIp: ip, HostPort: hostRange ? hostPort(hostRange, size, i) : '' },
  ])
}

function hostPort(range: Range, size: number, i: number): string {
  if (size > 0 || range.from === range.to) return String(range.from + i)
  return `${range.from}-${range.to}`
}

interface Range {
  readonly from: number
  readonly to: number
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text)
  if (!match) return undefined
  const from = Number(match[1])
  const to = Number(match[2] ?? match[1])
  return from <= to && to <= 65535 ? { from, to } : undefined
}

/** Why a range is none, in the words of Go's parser of numbers. */
function rangeComplaint(text: string): string {
  const [from = '', to = from] = text.split('-', 2)
  const wrong = [from, to].find(part => !/^\d+$/.test(part))
  if (wrong !== undefined) return `strconv.ParseUint: parsing ${JSON.stringify(wrong)}: invalid syntax`
  return Number(to) > 65535
    ? `strconv.ParseUint: parsing "${to}": value out of range`
    : 'invalid range specified for port'
}

const count = ({ from, to }: Range): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

function checkProtocol(protocol: string): void {
  if (!PROTOCOLS.includes(protocol.toLowerCase())) throw new Error(`invalid proto: ${protocol}`)
}

const isAddress = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
    ? text.split('.').every(part => Number(part) <= 255)
    : /^[\da-f:.]*:[\da-f:.]*(%.+)?$/i.test(text) && (text.match(/:/g)?.length ?? 0) > 1

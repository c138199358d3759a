/** The ports of a container on one line, neighbours drawn together: `0.0.0.0:90-91->90-91/tcp, 53/udp`. */

export interface Port {
  IP?: string
  PrivatePort: number
  PublicPort?: number
  Type: string
}

export function showPorts(ports: readonly Port[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      compare(a.IP ?? '', b.IP ?? '') ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      compare(a.Type, b.Type),
  )
  const groups = new Map<string, { ip: string; type: string; first: number; last: number }>()
  const complete: string[] = []
  const single: string[] = []
  for (const { IP: ip = '', PrivatePort: port, PublicPort: published, Type: type } of sorted) {
    if (ip && published !== port) {
      single.push(`${joinHostPort(ip, String(published))}->${port}/${type}`)
      continue
    }
    const key = `${ip}/${type}`
    const group = groups.get(key)
    if (group && port === group.last + 1) group.last = port
    else {
      if (group) complete.push(showGroup(group))
      // Changed in place: the order is that of each group's first appearance.
      groups.set(key, { ip, type, first: port, last: port })
    }
  }
  return [...complete, ...[...groups.values()].map(showGroup), ...single].join(', ')
}

function showGroup({ ip, type, first, last }: { ip: string; type: string; first: number; last: number }): string {
  const range = first === last ? String(first) : `${first}-${last}`
  return `${ip ? `${joinHostPort(ip, range)}->` : ''}${range}/${type}`
}

export const joinHostPort = (ip: string, port: string): string =>
  ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

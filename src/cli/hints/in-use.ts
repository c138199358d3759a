/** Who has what somebody else wants: a port, a network, a volume. */

import { type Engine, filtersParameter } from '../../client/engine.ts'
import { portHolder } from './port-holder.ts'

interface Listed {
  readonly Names: string[] | null
  readonly Ports: { PublicPort?: number; Type: string }[] | null
}

const nameOf = ({ Names }: Listed): string => (Names?.[0] ?? '').slice(1)

/** `protocol` and `port` as the message has them. */
export async function portTaken(engine: Engine, protocol: string, text: string): Promise<string> {
  const port = Number(text)
  const containers = await engine.get<Listed[]>('/containers/json')
  const owner = containers.find(({ Ports }) => Ports?.some(({ PublicPort }) => PublicPort === port))
  if (owner) return `the container ${nameOf(owner)} publishes port ${port}: stop it, or publish another port`
  // Only a daemon on this host has the ports of this host.
  const holder = 'socketPath' in engine.address ? portHolder(protocol, port) : undefined
  if (holder) return `${holder.name} (pid ${holder.pid}) has port ${port}: stop it, or publish another port`
  return `as root, ss -lnp 'sport = :${port}' shows who has the port`
}

const USERS = {
  network: (names: string) => `connected: ${names}. skiff network disconnect takes one off, skiff rm -f removes it`,
  volume: (names: string) => `used by: ${names}. skiff rm -f removes a container, its volumes stay`,
} as const

export async function inUse(engine: Engine, kind: keyof typeof USERS, name: string): Promise<string | undefined> {
  const query = { all: true, filters: filtersParameter({ [kind]: [name] }) }
  const users = (await engine.get<Listed[]>('/containers/json', query)).map(nameOf)
  return users.length > 0 ? USERS[kind](users.sort().join(', ')) : undefined
}

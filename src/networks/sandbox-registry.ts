/** The sandboxes that exist, found without looking through all of them: by container, by network, by whom they are linked to. */

import type { Connection, SandboxState } from './sandbox-state.ts'

export class SandboxRegistry {
  readonly states = new Map<string, SandboxState>()
  /** network id → container ids */
  private readonly members = new Map<string, Set<string>>()
  /** container id → those whose files name it */
  private readonly linkers = new Map<string, Set<string>>()

  /** In the making: not to be seen yet, but its networks must not go. */
  private readonly arriving = new Set<SandboxState>()

  arrive(state: SandboxState): void {
    this.arriving.add(state)
  }

  /** It is here, or will not come. */
  arrived(state: SandboxState): void {
    this.arriving.delete(state)
  }

  isUsed(networkId: string): boolean {
    return this.members.has(networkId) || [...this.arriving].some(({ connections }) => connections.has(networkId))
  }

  add(state: SandboxState): void {
    const { containerId, links } = state.request
    this.states.set(containerId, state)
    for (const networkId of state.connections.keys()) insert(this.members, networkId, containerId)
    for (const link of links) insert(this.linkers, link.containerId, containerId)
  }

  delete(state: SandboxState): void {
    const { containerId, links } = state.request
    this.states.delete(containerId)
    for (const networkId of state.connections.keys()) drop(this.members, networkId, containerId)
    for (const link of links) drop(this.linkers, link.containerId, containerId)
  }

  connect(state: SandboxState, connection: Connection): void {
    state.connections.set(connection.network.id, connection)
    insert(this.members, connection.network.id, state.request.containerId)
  }

  disconnect(state: SandboxState, networkId: string): void {
    state.connections.delete(networkId)
    drop(this.members, networkId, state.request.containerId)
  }

  membersOf(networkId: string): SandboxState[] {
    return this.found(this.members.get(networkId))
  }

  linkedTo(containerId: string): SandboxState[] {
    return this.found(this.linkers.get(containerId))
  }

  private found(ids: ReadonlySet<string> = new Set()): SandboxState[] {
    return [...ids].flatMap(id => this.states.get(id) ?? [])
  }
}

type Index = Map<string, Set<string>>

function insert(index: Index, key: string, value: string): void {
  const values = index.get(key)
  if (values) values.add(value)
  else index.set(key, new Set([value]))
}

function drop(index: Index, key: string, value: string): void {
  const values = index.get(key)
  if (values?.delete(value) && values.size === 0) index.delete(key)
}

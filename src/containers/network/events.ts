/** A container joins its networks and leaves them: the events of type network. */

import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'

type Action = 'connect' | 'disconnect'

/** Of all its networks: when it starts and when it ends. */
export function emitNetworkEvents(context: Context, container: LiveContainer, action: Action): void {
  for (const [name, { networkId }] of Object.entries(container.state.network.endpoints)) {
    const driver = context.rooms.networks?.driverOf(networkId) ?? PLAIN_DRIVERS[name] ?? 'bridge'
    emitNetworkEvent(context, container, action, { id: networkId, name, driver })
  }
}

const PLAIN_DRIVERS: Record<string, string> = { host: 'host', none: 'null' }

export function emitNetworkEvent(
  context: Context,
  { id }: LiveContainer,
  action: Action,
  network: { id: string; name: string; driver: string },
): void {
  context.rooms.emit({
    type: 'network',
    action,
    actorId: network.id,
    attributes: { container: id, name: network.name, type: network.driver },
  })
}

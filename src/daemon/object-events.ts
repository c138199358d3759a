/** Docker's events about volumes and networks: told by whoever asked for the change, here in one place for both rooms. */

import type { EmitEvent } from '../containers/context.ts'
import type { NetworkService } from '../networks/types.ts'
import type { Volumes } from '../volumes/types.ts'

/** The same volumes, and everybody hears of what becomes of them; who mounts them is told by the containers room. */
export function announceVolumes(volumes: Volumes, emit: EmitEvent): Volumes {
  const tell = (action: string, name: string, attributes: Record<string, string> = {}): void =>
    emit({ type: 'volume', action, actorId: name, attributes: { driver: 'local', ...attributes } })
  return {
    list: filters => volumes.list(filters),
    inspect: name => volumes.inspect(name),
    size: name => volumes.size(name),
    replace: (name, fill) => volumes.replace(name, fill),
    settle: () => volumes.settle(),
    // Nobody was told of them.
    removeUnfinished: containerId => volumes.removeUnfinished(containerId),
    acquire: (name, containerId) => volumes.acquire(name, containerId),
    release: (name, containerId) => volumes.release(name, containerId),
    async create(request) {
      const before = request.name === '' ? [] : await volumes.list({ name: [request.name] })
      const volume = await volumes.create(request)
      if (!before.some(({ name }) => name === volume.name)) tell('create', volume.name)
      return volume
    },
    async remove(name, options) {
      await volumes.remove(name, options)
      tell('destroy', name)
    },
    async prune(filters) {
      const result = await volumes.prune(filters)
      for (const name of result.removed) tell('destroy', name)
      emit({ type: 'volume', action: 'prune', actorId: '', attributes: { reclaimed: String(result.reclaimed) } })
      return result
    },
  }
}

/** The same networks; containers that join and leave are told of by the containers room. */
export function announceNetworks(networks: NetworkService, emit: EmitEvent): NetworkService {
  const tell = (action: string, { id, name, driver }: { id: string; name: string; driver: string }): void =>
    emit({ type: 'network', action, actorId: id, attributes: { name, type: driver } })
  const announced: Pick<NetworkService, 'create' | 'remove' | 'prune'> = {
    async create(request) {
      const created = await networks.create(request)
      tell('create', { id: created.id, name: request.name, driver: request.driver || 'bridge' })
      return created
    },
    async remove(ref) {
      const network = await networks.inspect(ref)
      await networks.remove(ref)
      tell('destroy', network)
    },
    async prune(filters) {
      const before = await networks.list({})
      const removed = await networks.prune(filters)
      for (const network of before) if (removed.includes(network.name)) tell('destroy', network)
      emit({ type: 'network', action: 'prune', actorId: '', attributes: { reclaimed: '0' } })
      return removed
    },
  }
  // Everything else as it is: methods of a class, which need their own `this`.
  return new Proxy(networks, {
    get(target, key, receiver) {
      if (key in announced) return announced[key as keyof typeof announced]
      const value: unknown = Reflect.get(target, key, receiver)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

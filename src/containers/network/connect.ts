/** docker network connect and disconnect, of a container that runs or not. Refusals are worded as Docker words them. */

import { closeSync } from 'node:fs'
import { Conflict, Forbidden, NotFound, NotImplemented } from '../../kernel/errors.ts'
import { openNetworkNamespace } from '../../kernel/namespaces.ts'
import { pidfdIsAlive } from '../../kernel/pidfd.ts'
import type { Connections, NetworkIdentity, NetworkService } from '../../networks/types.ts'
import type { Context } from '../context.ts'
import type { LiveContainer, LiveProcess } from '../live.ts'
import { pidfdOf } from '../pidfd.ts'
import { writeConfig } from '../store/files.ts'
import type { EndpointConfig } from '../types.ts'
import { emitNetworkEvent } from './events.ts'
import { idleEndpoint } from './plan.ts'

const NO_OTHERS_BESIDE_NONE =
  'container cannot be connected to multiple networks with one of the networks in private (none) mode'

/** @throws NotFound, Forbidden, Conflict, InvalidParameter */
export function connectContainer(
  context: Context,
  networkRef: string,
  container: LiveContainer,
  asked: EndpointConfig,
): Promise<void> {
  return container.queue.run(async () => {
    const networks = networksOf(context)
    refuseDead(container)
    const network = await networks.lookUp(networkRef)
    refuseMode(container, network)
    const { process, state } = container
    if (process === null) {
      await networks.checkEndpoint(network.id, asked)
      state.network.endpoints = { ...state.network.endpoints, [network.name]: idleEndpoint(network.id, asked) }
    } else {
      const sandbox = await inNamespace(process, netns => networks.connect(network.id, container.id, asked, netns))
      state.network = { ...state.network, ...sandbox }
    }
    await record(context, container, { ...container.config.endpoints, [network.name]: asked })
    if (process !== null) emitNetworkEvent(context, container, 'connect', network)
  })
}

/** @throws NotFound, Forbidden, Conflict */
export function disconnectContainer(
  context: Context,
  networkRef: string,
  ref: string,
  { force }: { force: boolean },
): Promise<void> {
  const container = findConnected(context, ref, force)
  return container.queue.run(async () => {
    const networks = networksOf(context)
    refuseDead(container)
    const network = await networks.lookUp(networkRef)
    const { process, state, config } = container
    if (network.driver === 'host' && config.hostConfig.networkMode === 'host') throw new Forbidden(HOST_NETWORK)
    if (!(network.name in state.network.endpoints)) {
      const which = process === null ? 'the network' : 'network'
      throw new Forbidden(`container ${container.id} is not connected to ${which} ${network.name}`)
    }
    const { [network.name]: _left, ...others } = state.network.endpoints
    if (process === null || state.network.sandboxId === '') state.network.endpoints = others
    else {
      const sandbox = await inNamespace(process, netns => networks.disconnect(network.id, container.id, netns))
      state.network = { ...state.network, ...sandbox }
    }
    const kept = Object.entries(config.endpoints).filter(([ref]) => ref !== network.name && !isIdOf(ref, network))
    await record(context, container, Object.fromEntries(kept))
    if (process !== null) emitNetworkEvent(context, container, 'disconnect', network)
  })
}

/** Of a container that does not exist nothing is left which could be connected: with `force` that is what is said. */
function findConnected(context: Context, ref: string, force: boolean): LiveContainer {
  try {
    return context.find(ref)
  } catch (error) {
    throw force && error instanceof NotFound ? new NotFound(`endpoint ${ref} not found`) : error
  }
}

const HOST_NETWORK = 'container cannot be disconnected from host network or connected to host network'

const isIdOf = (ref: string, { id }: NetworkIdentity): boolean => ref !== '' && id.startsWith(ref)

function networksOf({ rooms }: Context): NetworkService {
  if (rooms.networks === null) throw new NotImplemented('this daemon runs without networks of its own')
  return rooms.networks
}

function refuseDead({ id, removing, state }: LiveContainer): void {
  if (removing || state.dead)
    throw new Conflict(`Container ${id} is marked for removal and cannot be connected or disconnected to the network`)
}

function refuseMode({ config, state }: LiveContainer, network: NetworkIdentity): void {
  const { networkMode } = config.hostConfig
  if (networkMode === 'host' || networkMode.startsWith('container:')) {
    throw new Forbidden(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    )
  }
  if (network.driver === 'host') throw new Forbidden(HOST_NETWORK)
  if (network.driver === 'null' || 'none' in state.network.endpoints) throw new Forbidden(NO_OTHERS_BESIDE_NONE)
}

/** The descriptor is opened by number, so it is asked afterwards whether that still was the container. */
async function inNamespace(process: LiveProcess, work: (netns: number) => Promise<Connections>): Promise<Connections> {
  const pidfd = pidfdOf(process)
  const netns = pidfd === null ? null : openNetworkNamespace(process.handle.started.pid)
  if (pidfd === null || netns === null) throw new Conflict('the container has just ended')
  try {
    if (!pidfdIsAlive(pidfd)) throw new Conflict('the container has just ended')
    return await work(netns)
  } finally {
    closeSync(netns)
  }
}

async function record(
  context: Context,
  container: LiveContainer,
  endpoints: Record<string, EndpointConfig>,
): Promise<void> {
  container.config = { ...container.config, endpoints }
  await Promise.all([writeConfig(container.paths.folder, container.config), context.save(container)])
}

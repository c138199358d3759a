/** From a request to what is recorded: the image's part merged in, defaults filled in, everything checked. */

import { hostname as hostHostname } from 'node:os'
import { parsePlatform } from '../../images/platforms.ts'
import type { Image } from '../../images/types.ts'
import { timestampNow } from '../../kernel/clock.ts'
import { InvalidParameter, NotFound } from '../../kernel/errors.ts'
import type { Undo } from '../../kernel/undo.ts'
import { chooseCapabilities } from '../../runtime/capabilities.ts'
import type { Context } from '../context.ts'
import { type NetworkPlan, planNetwork } from '../network/plan.ts'
import type { SnapshotRecord } from '../snapshots/types.ts'
import { relabelWarnings } from '../spec/security-options.ts'
import { refuseInUserNamespace } from '../spec/user-namespace.ts'
import type { ConfigRecord } from '../store/record.ts'
import type { ContainerConfig, ContainerId, CreateRequest, HostConfig } from '../types.ts'
import { withDefaults } from './defaults.ts'
import { findSnapshot, mergeSnapshot, withImageOf } from './from-snapshot.ts'
import { mergeImageConfig, processOf } from './merge.ts'
import { collectMounts } from './mounts.ts'
import { validateConfig } from './validate-config.ts'
import { validateHostConfig } from './validate-host.ts'
import { checkResources } from './validate-resources.ts'

export interface Decision {
  config: ConfigRecord
  image: Image
  /** Where it begins; null: with the image. */
  snapshot: SnapshotRecord | null
  network: NetworkPlan
  warnings: string[]
}

/** @throws InvalidParameter, NotFound */
export async function decide(
  context: Context,
  { id, name }: { id: ContainerId; name: string },
  request: CreateRequest,
  undo: Undo,
): Promise<Decision> {
  if (request.config.image === '' && request.snapshot === '')
    throw new InvalidParameter('Config cannot be empty in order to create a container')
  validateConfig(request.config)
  validateHostConfig(request.hostConfig)
  refuseOfSharedNetwork(request)
  refuseInUserNamespace(context.defaults, request.hostConfig)
  const snapshot = request.snapshot === '' ? null : findSnapshot(context, request.snapshot)
  const image = await findImage(context, snapshot === null ? request : await withImageOf(context, request, snapshot))
  const merged =
    snapshot === null ? mergeImageConfig(request.config, image.config) : mergeSnapshot(request.config, snapshot)
  const process = processOf(merged)
  const { hostConfig, warnings } = checkHost(context, request.hostConfig)
  const config = withHostname(merged, hostConfig, id)
  const network = await planNetwork(context, { id, name, config, hostConfig, endpoints: request.endpoints })
  const mounts = await collectMounts(context, id, config, hostConfig, undo)
  const record: ConfigRecord = {
    id,
    name,
    created: timestampNow(),
    imageId: image.id,
    topLayer: image.chain.at(-1) ?? '',
    platform: 'linux',
    ...process,
    config,
    hostConfig,
    endpoints: network.endpoints,
    mounts,
  }
  return { config: record, image, snapshot, network, warnings: [...warnings, ...network.warnings] }
}

/** What belongs to the container that owns the network. What the image exposes does not matter. */
function refuseOfSharedNetwork({ config, hostConfig, endpoints }: CreateRequest): void {
  if (!hostConfig.networkMode.startsWith('container:')) return
  if (config.macAddress !== '' || Object.values(endpoints).some(({ macAddress }) => macAddress !== ''))
    throw new InvalidParameter('conflicting options: mac-address and the network mode')
  if (config.exposedPorts.length > 0)
    throw new InvalidParameter('conflicting options: port exposing and the container type network mode')
}

async function findImage(context: Context, { config, platform }: CreateRequest): Promise<Image> {
  if (platform !== null) parsePlatform(platform)
  const image = await context.rooms.images.resolve(config.image)
  if (platform === null) return image
  const actual = `${image.os}/${image.architecture}`
  const [os, architecture, variant] = platform.split('/')
  const wrong =
    (os !== '' && architecture !== undefined && `${os}/${architecture}` !== actual) ||
    (variant !== undefined && image.variant !== undefined && variant !== image.variant)
  if (wrong) {
    throw new NotFound(
      `image with reference ${config.image} was found but does not match the specified platform: ` +
        `wanted ${platform}, actual: ${actual}`,
    )
  }
  return image
}

function checkHost(context: Context, given: HostConfig): { hostConfig: HostConfig; warnings: string[] } {
  const { cgroups } = context.rooms
  const { resources, warnings } = checkResources(given.resources, cgroups.supports)
  const hostConfig = withDefaults({ ...given, resources }, context.defaults, cgroups)
  chooseCapabilities({ add: hostConfig.capAdd, drop: hostConfig.capDrop, privileged: hostConfig.privileged })
  for (const mode of [hostConfig.pidMode, hostConfig.ipcMode]) checkOtherContainer(context, mode)
  return { hostConfig, warnings: [...warnings, ...relabelWarnings(hostConfig.binds)] }
}

function checkOtherContainer(context: Context, mode: string): void {
  if (!mode.startsWith('container:')) return
  try {
    context.find(mode.slice('container:'.length))
  } catch (error) {
    // It is this request that is wrong: the container it is about is a new one.
    if (error instanceof NotFound) throw new InvalidParameter(error.message)
    throw error
  }
}

/** Docker's default is the short id; who shares the host's UTS or network namespace is called as the host is. */
function withHostname(config: ContainerConfig, { networkMode, utsMode }: HostConfig, id: ContainerId): ContainerConfig {
  if (utsMode === 'host') {
    if (config.hostname !== '') throw new InvalidParameter('conflicting options: hostname and the UTS mode')
    return { ...config, hostname: networkMode === 'host' ? hostHostname() : id.slice(0, 12) }
  }
  if (networkMode.startsWith('container:')) {
    if (config.hostname !== '') throw new InvalidParameter('conflicting options: hostname and the network mode')
    return config
  }
  if (config.hostname !== '') return config
  return { ...config, hostname: networkMode === 'host' ? hostHostname() : id.slice(0, 12) }
}

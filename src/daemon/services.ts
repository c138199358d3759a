/** The composition: every room opened, and handed to those that stand on it. */

import { join } from 'node:path'
import type { Logger } from 'pino'
import { API_VERSION, MIN_API_VERSION } from '../api/server.ts'
import type { Services } from '../api/services.ts'
import { CacheFolders } from '../build/mounts/cache-folders.ts'
import { createBuildService, openCache, removeLeftBuilds } from '../build/service.ts'
import { openCgroups } from '../cgroups/cgroups.ts'
import type { Cgroups } from '../cgroups/types.ts'
import { type ContainerDefaults, Context } from '../containers/context.ts'
import { Files } from '../containers/files/container-files.ts'
import { idsWhere } from '../containers/list-filters.ts'
import { LOG_DRIVERS } from '../containers/logs/config.ts'
import { createContainerService } from '../containers/service.ts'
import { createSnapshotService } from '../containers/snapshots/service.ts'
import { SnapshotStore } from '../containers/snapshots/store.ts'
import { ownerOf } from '../containers/spec/owner.ts'
import { Stats } from '../containers/stats/stats.ts'
import { openImages, type RegistryOptions } from '../images/service.ts'
import { Salvage } from '../kernel/salvage.ts'
import type { Networks } from '../networks/networks.ts'
import { execInContainer, startContainer, warmUp } from '../runtime/runtime.ts'
import { prepareAttach } from '../runtime/shim/attach.ts'
import { adoptShim } from '../runtime/shim/shim.ts'
import type { UserNamespace } from '../runtime/spec.ts'
import { openSnapshots, type SnapshotRoom } from '../snapshots/service.ts'
import type { StorageDriver } from '../snapshots/types.ts'
import { EventLog } from '../system/event-log.ts'
import { createSystem, type SystemSettings } from '../system/system.ts'
import { LocalVolumes } from '../volumes/volumes.ts'
import { instanceSuffix } from './instance.ts'
import { openNetworks } from './networks.ts'
import { announceNetworks, announceVolumes } from './object-events.ts'
import type { Settings } from './settings.ts'
import { openUserNamespace } from './userns-remap.ts'

/** Certificates that users of Docker have put there already count too. */
const CERTIFICATE_FOLDERS = ['/etc/skiff/certs.d', '/etc/docker/certs.d']

export interface Daemon {
  services: Services
  containers: Context
  networks: Networks | null
}

export async function openServices(settings: Settings, log: Logger): Promise<Daemon> {
  const salvage = new Salvage(settings.dataRoot, damage => log.error(damage, 'something in the data-root is damaged'))
  const userNamespace = await openUserNamespace(settings.usernsRemap)
  const events = new EventLog()
  const cgroups = openCgroups({
    parent: settings.cgroupParent || `skiff${instanceSuffix(settings)}`,
    ownsParent: settings.cgroupParent === '',
  })
  const [room, networks] = await Promise.all([
    openSnapshots(settings.dataRoot, { driver: settings.storageDriver, salvage }),
    openNetworks(settings, log, salvage),
  ])
  const users: Users = { context: null }
  const { cache, saved, images, localVolumes } = await openStores(settings, { cgroups, room, salvage, users })
  const emit = events.emit.bind(events)
  images.subscribe(({ action, id, name, labels, timeNs }) =>
    events.emit({ type: 'image', action, actorId: id, attributes: { ...labels, name }, timeNs }),
  )
  if (room.noOverlay !== null) {
    log.warn(
      { err: room.noOverlay },
      'storage driver vfs: each container gets a copy of its image. A data-root on a volume would let them share it',
    )
  }
  // It opens libseccomp too: better missing now than at the first start.
  warmUp()
  const runtime = { startContainer, execInContainer, adoptShim, prepareAttach }
  const { snapshots, archives } = room
  const volumes = announceVolumes(localVolumes, emit)
  const announcedNetworks = networks === null ? null : announceNetworks(networks, emit)
  const rooms = {
    images,
    snapshots,
    archives,
    cgroups,
    volumes,
    networks: announcedNetworks,
    runtime,
    salvage,
    emit,
    log,
  }
  const context = new Context(rooms, settings, containerDefaults(settings, userNamespace), saved)
  users.context = context
  const system = await createSystem(systemSettings(settings, room.layers.driver), cgroups, {
    containers: () => count(context),
    images: async () => (await images.list()).length,
    eventListeners: () => events.listeners,
  })
  const builds = { context, snapshots: room, cache, cacheFolders: new CacheFolders(settings.dataRoot) }
  const services: Services = {
    containers: createContainerService(context),
    snapshots: createSnapshotService(context),
    builds: createBuildService(builds),
    files: new Files(context, { archives, ownerOf: container => ownerOf(context, container) }),
    stats: new Stats(context),
    images,
    events,
    system,
    networks: announcedNetworks,
    volumes,
    registry: await images.registry(registryOptions(settings)),
  }
  return { services, containers: context, networks }
}

/** Who uses images and volumes: asked for when they are open, and known later. */
interface Users {
  context: Context | null
}

interface Ground {
  cgroups: Cgroups
  room: SnapshotRoom
  salvage: Salvage
  users: Users
}

/** What stands on layers, in the order in which the sweep of unused ones asks for it. */
async function openStores(settings: Settings, { cgroups, room, salvage, users }: Ground) {
  // Before the images: what is swept then is what nobody keeps.
  const cache = await openCache({ dataRoot: settings.dataRoot, layers: room.layers })
  await removeLeftBuilds({ cgroups, snapshots: room.snapshots, runtime: { adoptShim } }, settings)
  const saved = await openSaved(settings, room, salvage)
  const [images, localVolumes] = await Promise.all([
    openImages({
      dataRoot: settings.dataRoot,
      room,
      usesOf: id => [...usesOfImage(users.context, id), ...savedOf(saved, id)],
      salvage,
    }),
    LocalVolumes.open({
      folder: join(settings.dataRoot, 'volumes'),
      usedBy: name => usersOfVolume(users.context, name),
      salvage,
    }),
  ])
  return { cache, saved, images, localVolumes }
}

/** Before the images are opened: layers that snapshots stand on are theirs as well. */
async function openSaved({ dataRoot }: Settings, room: SnapshotRoom, salvage: Salvage): Promise<SnapshotStore> {
  const saved = await SnapshotStore.open(dataRoot, salvage)
  room.layers.addUser(() => room.layers.withBelow(saved.all().map(({ top }) => top)))
  room.roots.frozen.addUser(() => saved.all().flatMap(({ frozen }) => frozen))
  room.roots.frozen.allowSweeps({ keep: await salvage.keepsAny() })
  return saved
}

const savedOf = (saved: SnapshotStore, id: string) =>
  saved
    .all()
    .filter(({ imageId }) => imageId === id)
    .map(({ name, containerId }) => ({ containerId: containerId as string, running: false, snapshot: name }))

const usesOfImage = (context: Context | null, id: string) =>
  [...(context?.containers.values() ?? [])]
    .filter(({ config }) => config.imageId === id)
    .map(container => ({ containerId: container.id as string, running: container.state.running }))

const usersOfVolume = (context: Context | null, name: string): string[] =>
  context === null ? [] : idsWhere(context, ({ config }) => config.mounts.some(mount => mount.name === name))

const containerDefaults = (settings: Settings, userNamespace: UserNamespace | null): ContainerDefaults => ({
  logConfig: { type: settings.logDriver, config: settings.logOptions },
  journalSocket: settings.journalSocket,
  ulimits: settings.ulimits,
  // The daemon's own group is below it already.
  cgroupParent: '',
  hasDefaultBridge: settings.bridge !== 'none',
  ownsCgroupParent: settings.cgroupParent === '',
  shmBytes: settings.shmBytes,
  init: settings.init,
  initPath: settings.initPath,
  ipcMode: settings.ipcMode,
  cgroupnsMode: settings.cgroupnsMode,
  noNewPrivileges: settings.noNewPrivileges,
  userNamespace,
  seccompProfile: settings.seccompProfile,
  dns: settings.dns,
  dnsSearch: settings.dnsSearch,
  dnsOptions: settings.dnsOptions,
  detachKeys: 'ctrl-p,ctrl-q',
  shutdownTimeoutSeconds: settings.shutdownTimeoutSeconds,
})

const registryOptions = (settings: Settings): RegistryOptions => ({
  dataRoot: settings.dataRoot,
  config: {
    mirrors: settings.registryMirrors,
    insecureRegistries: settings.insecureRegistries,
    certificateFolders: CERTIFICATE_FOLDERS,
    proxies: { http: settings.httpProxy, https: settings.httpsProxy, no: settings.noProxy },
  },
  limits: settings.transfers,
})

const systemSettings = (settings: Settings, storageDriver: StorageDriver): SystemSettings => ({
  storageDriver,
  dataRoot: settings.dataRoot,
  debug: settings.debug,
  loggingDriver: settings.logDriver,
  logDrivers: LOG_DRIVERS,
  labels: settings.labels,
  registry: {
    mirrors: settings.registryMirrors,
    insecureCidrs: ['127.0.0.0/8', ...settings.insecureRegistries.filter(entry => entry.includes('/'))],
    insecureRegistries: settings.insecureRegistries.filter(entry => !entry.includes('/')),
  },
  httpProxy: settings.httpProxy,
  httpsProxy: settings.httpsProxy,
  noProxy: settings.noProxy,
  liveRestore: settings.liveRestore,
  initBinary: settings.initPath,
  networkDrivers: ['bridge', 'host', 'macvlan', 'null'],
  addressPools: [...settings.pools],
  userNamespaces: settings.usernsRemap !== '',
  apiVersion: API_VERSION,
  minApiVersion: MIN_API_VERSION,
})

function count({ containers }: Context): { total: number; running: number; paused: number; stopped: number } {
  const states = [...containers.values()].map(({ state }) => state)
  const paused = states.filter(state => state.paused).length
  const running = states.filter(state => state.running).length - paused
  return { total: states.length, running, paused, stopped: states.length - running - paused }
}

/** What every command of this room works with: the rooms below, the daemon's settings, and the containers themselves. */

import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Cgroups } from '../cgroups/types.ts'
import type { Images } from '../images/types.ts'
import { NotFound } from '../kernel/errors.ts'
import type { Salvage } from '../kernel/salvage.ts'
import { Turns } from '../kernel/turns.ts'
import type { NetworkService } from '../networks/types.ts'
import type { execInContainer, startContainer } from '../runtime/runtime.ts'
import type { AdoptShim, AttachOptions, PreparedAttach } from '../runtime/shim/types.ts'
import type { UserNamespace } from '../runtime/spec.ts'
import type { Archives, Snapshots } from '../snapshots/types.ts'
import type { Volumes } from '../volumes/types.ts'
import { linkTarget } from './links.ts'
import type { LiveContainer, LiveExec } from './live.ts'
import { LogCompressor } from './logs/compress.ts'
import type { SnapshotStore } from './snapshots/store.ts'
import { type Roots, trashFolder, writeState } from './store/files.ts'
import { findId } from './store/lookup.ts'
import { Names } from './store/names.ts'
import { Trash } from './store/trash.ts'
import type { ContainerId, ExecId, LogConfig, SkiffEvent, Ulimit } from './types.ts'

/** What the daemon's configuration says about containers. */
export interface ContainerDefaults {
  logConfig: LogConfig
  /** journald's. */
  journalSocket: string
  ulimits: Ulimit[]
  /** As --cgroup-parent; '' for the daemon's own group. */
  cgroupParent: string
  shmBytes: number
  init: boolean
  ipcMode: 'private' | 'shareable'
  cgroupnsMode: '' | 'private' | 'host'
  noNewPrivileges: boolean
  /** userns-remap; null: root in a container is root on the host. */
  userNamespace: UserNamespace | null
  seccompProfile: string
  dns: string[]
  dnsSearch: string[]
  dnsOptions: string[]
  detachKeys: string
  shutdownTimeoutSeconds: number
  /** `--bridge none`: who would be on it has a loopback only. */
  hasDefaultBridge: boolean
  /** The daemon's parent cgroup is of its own making and choosing. */
  ownsCgroupParent: boolean
  /** skiff's own init for --init. */
  initPath: string
}

export interface Runtime {
  startContainer: typeof startContainer
  execInContainer: typeof execInContainer
  adoptShim: AdoptShim
  prepareAttach(options: AttachOptions): PreparedAttach
}

export type EmitEvent = (event: Omit<SkiffEvent, 'timeNs'>) => void

export interface Rooms {
  images: Images
  snapshots: Snapshots
  archives: Archives
  cgroups: Cgroups
  volumes: Volumes
  /** null: no bridge networks here; `none`, `host` and `container:` need nothing of it. */
  networks: NetworkService | null
  runtime: Runtime
  salvage: Salvage
  emit: EmitEvent
  log: Logger
}

export class Context {
  readonly containers = new Map<ContainerId, LiveContainer>()
  readonly names = new Names()
  /** Every exec of every container, by its id. */
  readonly execs = new Map<ExecId, LiveExec>()
  /** For the pieces of starts, ends and take-overs that keep the event loop for milliseconds. */
  readonly turns = new Turns()
  readonly trash: Trash
  readonly compressor: LogCompressor
  /** An empty folder that every container mounts its root on: in its own mount namespace, where only it sees it. */
  readonly rootMountPoint: string
  /** The daemon is going down: nothing is started any more. */
  stopping = false

  constructor(
    readonly rooms: Rooms,
    readonly roots: Roots,
    readonly defaults: ContainerDefaults,
    /** Snapshots by name. */
    readonly saved: SnapshotStore,
  ) {
    this.rootMountPoint = join(roots.execRoot, 'root')
    this.compressor = new LogCompressor(rooms.log)
    this.trash = new Trash(trashFolder(roots), rooms.log)
  }

  /** @throws NotFound, InvalidParameter for an ambiguous beginning of an id */
  find(ref: string): LiveContainer {
    return this.get(findId(ref, this.containers, name => this.names.owner(name) ?? linkTarget(this, name)))
  }

  /** By its whole id. @throws NotFound */
  get(id: ContainerId): LiveContainer {
    const container = this.containers.get(id)
    if (container === undefined) throw new NotFound(`No such container: ${id}`)
    return container
  }

  emit(container: LiveContainer, action: string, attributes: Record<string, string> = {}): void {
    const { config } = container
    this.rooms.emit({
      type: 'container',
      action,
      actorId: container.id,
      // The user's labels come first: they must not forge what skiff says.
      attributes: { ...config.config.labels, image: config.config.image, name: config.name, ...attributes },
    })
  }

  /** Writes state.json: durably for a container that shall come back after a power cut. */
  save(container: LiveContainer): Promise<void> {
    const { name } = container.config.hostConfig.restartPolicy
    return writeState(container.paths.folder, container.state, {
      durable: name === 'always' || name === 'unless-stopped',
    })
  }
}

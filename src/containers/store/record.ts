/**
 * What is kept of a container on disk, in DATA-ROOT/containers/ID/: config.json holds what was asked for and changes with
 * create, rename, update and connect alone; state.json holds what is the case and changes with every start and end.
 * Both are written atomically, as JSON for people to read.
 */

import { NEVER } from '../../kernel/clock.ts'
import type { ChainId } from '../../snapshots/types.ts'
import type {
  ContainerConfig,
  ContainerId,
  ContainerState,
  Endpoint,
  EndpointConfig,
  HostConfig,
  MountPoint,
  NetworkSettings,
} from '../types.ts'

/** A mount as it was decided at create; `inspect` shows the part that MountPoint names. */
export interface ContainerMount extends MountPoint {
  /** bind: the source folder is made if it is missing (docker's -v), rather than refused (--mount). */
  createSource: boolean
  recursive: boolean
  /** Submounts of a read-only mount stay writable. */
  readonlyNonRecursive: boolean
  /** volume: the image's content at the destination is copied into an empty one on first use. */
  copyUp: boolean
  /** volume: it was made for this container alone and goes with it on `rm -v`. */
  anonymous: boolean
  /** volume: a folder in it is mounted, not the whole. */
  subpath: string
  /** tmpfs: options as mount(8) has them. */
  tmpfsOptions: string[]
  /** Came by --tmpfs, which Docker does not list among the mounts. */
  unlisted: boolean
}

export interface ConfigRecord {
  id: ContainerId
  name: string
  created: string
  imageId: string
  /** The topmost layer beneath it; '' for none. Missing in records of earlier versions. */
  topLayer?: ChainId | ''
  platform: string
  path: string
  args: string[]
  config: ContainerConfig
  hostConfig: HostConfig
  /** By network name or id, as asked for. */
  endpoints: Record<string, EndpointConfig>
  mounts: ContainerMount[]
}

export interface StateRecord extends ContainerState {
  restartCount: number
  /** A user stopped it: an unless-stopped policy is not to start it again. */
  stoppedByUser: boolean
  network: { sandboxId: string; endpoints: Record<string, Endpoint>; ports: NetworkSettings['ports'] }
}

export const initialState = (): StateRecord => ({
  status: 'created',
  running: false,
  paused: false,
  restarting: false,
  oomKilled: false,
  dead: false,
  pid: 0,
  exitCode: 0,
  error: '',
  startedAt: NEVER,
  finishedAt: NEVER,
  health: null,
  restartCount: 0,
  stoppedByUser: false,
  network: { sandboxId: '', endpoints: {}, ports: {} },
})

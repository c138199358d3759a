/**
 * The vocabulary of snapshots, and the service that src/api talks to.
 *
 * A SNAPSHOT is a point in a container's life under a name: the files that it had then, and of its settings those that an image can carry
 * too. A container STANDS ON a snapshot when its root begins there: the one that it was taken of, those that were made from it, and those
 * that were reset to it. What users read: docs/snapshots.md.
 */

import type { FrozenName } from '../../snapshots/frozen.ts'
import type { ChainId, StorageDriver } from '../../snapshots/types.ts'
import type { ContainerConfig, ContainerId } from '../types.ts'

/** A volume's content as it was, in snapshots/NAME/volumes/FOLDER. */
export interface SnapshotVolume {
  name: string
  destination: string
  folder: string
}

/** snapshots/NAME/snapshot.json */
export interface SnapshotRecord {
  name: string
  /** RFC 3339 */
  created: string
  containerId: ContainerId
  /** What the container was called then. */
  containerName: string
  imageId: string
  /** As the user of the container named it. */
  image: string
  driver: StorageDriver
  /** The topmost layer of the image; '' for none. */
  top: ChainId | ''
  /** What lies on top of the image, topmost first: the first one is this snapshot's own. */
  frozen: FrozenName[]
  config: ContainerConfig
  volumes: SnapshotVolume[]
}

export interface SnapshotUser {
  kind: 'container' | 'snapshot'
  name: string
}

/** A snapshot as the API shows it. */
export interface Snapshot extends SnapshotRecord {
  /** The one below it, if that has a name. */
  parent: string | null
  /** Bytes of its own: what was written since the one below, and its copies of volumes. */
  size: number
  usedBy: SnapshotUser[]
  /** The frozen folders, absolute, topmost first. */
  folders: string[]
}

/** How a container that runs is stopped: as `docker stop` has it. */
export interface Ending {
  signal: string
  timeoutSeconds: number | null
}

export interface SnapshotRequest extends Ending {
  name: string
  /** Stop the container first if it runs, and start it again afterwards. */
  stop: boolean
  /** Freeze its processes while its files are copied. */
  pause: boolean
  /** Its volumes, too. */
  volumes: boolean
}

export interface SnapshotService {
  /** @throws NotFound (the container), Conflict (the name; a container that runs), InvalidParameter */
  create(ref: string, request: SnapshotRequest): Promise<{ snapshot: Snapshot; warnings: string[] }>
  /** Newest first. */
  list(): Promise<Snapshot[]>
  /** @throws NotFound `No such snapshot: x` */
  inspect(name: string): Promise<Snapshot>
  /** `force`: also one that somebody stands on, who keeps its files. @throws NotFound, Conflict */
  remove(name: string, options: { force: boolean }): Promise<void>
  /** Back to a snapshot ('' for the one that the container stands on); started again if it ran. Answers its name. @throws NotFound, Conflict */
  reset(ref: string, name: string, ending: Ending): Promise<string>
}

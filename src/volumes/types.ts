/**
 * The vocabulary of volumes, and the service that src/containers and src/api talk to.
 *
 * A VOLUME is a folder that outlives the containers which use it. It lives under volumes/NAME/_data in the data-root; with
 * driver options it stands for something else: a folder of the host (bind), memory (tmpfs), or what mount(8) can mount (nfs …).
 */

export interface VolumeRequest {
  /** '' for an anonymous one: 64 random hexadecimal digits. */
  name: string
  driver: string
  /** Of the driver `local`: type, device and o, as mount(8) has them. */
  options: Record<string, string>
  labels: Record<string, string>
  /** The container whose creation it is part of. */
  madeFor?: string
}

export interface Volume {
  name: string
  driver: 'local'
  /** The folder on the host. */
  mountpoint: string
  /** RFC 3339. */
  created: string
  labels: Record<string, string>
  options: Record<string, string>
  scope: 'local'
  /** Made without a name, by an image's VOLUME or `-v /path`: `rm -v` and `volume prune` take it. */
  anonymous: boolean
  /** The container whose creation it was part of. */
  madeFor?: string
}

export interface VolumeFilters {
  [key: string]: string[]
}

/** Which containers, by id, have a volume among their mounts at this moment, running or not. */
export type VolumeUsers = (name: string) => string[]

export interface Volumes {
  /** Filters: name, label, driver, dangling. */
  list(filters: VolumeFilters): Promise<Volume[]>
  /** @throws NotFound `get x: no such volume` */
  inspect(name: string): Promise<Volume>
  /** Returns the volume as it is if it exists already with the same driver and options. @throws Conflict, InvalidParameter, NotFound */
  create(request: VolumeRequest): Promise<Volume>
  /** @throws NotFound, Conflict `remove x: volume is in use - [ID, …]` */
  remove(name: string, options: { force: boolean }): Promise<void>
  /** The anonymous volumes of a container whose creation was cut off. */
  removeUnfinished(containerId: string): Promise<void>
  /** Volumes that nobody uses; anonymous ones only unless the filter `all` says otherwise. */
  prune(filters: VolumeFilters): Promise<{ removed: string[]; reclaimed: number }>
  /**
   * Gives a volume without options other content: the old one, or all of the new one, whatever happens in between. `fill` makes the folder
   * that it is given. Containers that run with the volume keep the old one. @throws NotFound
   */
  replace(name: string, fill: (folder: string) => Promise<void>): Promise<void>
  /** Bytes that the volume's files take. */
  size(name: string): Promise<number>

  /**
   * The folder to mount in a container that starts; what the options ask for is mounted on the host until the last user is gone.
   * One release for each of these. @throws NotFound, KernelError (naming the mount that failed)
   */
  acquire(name: string, containerId: string): Promise<string>
  /** The container has ended. Nothing happens if it held nothing. */
  release(name: string, containerId: string): Promise<void>
  /** When every container that still runs has acquired what it uses: takes mounts away that nobody needs any more. */
  settle(): void
}

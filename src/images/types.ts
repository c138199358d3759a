/**
 * The vocabulary of images.
 *
 * An image is named by its id, the digest of its configuration; any number of references (repository:tag) point at it.
 * OCI's own JSON (configuration, manifest, index) stays in oci.ts; everybody else programs against these types.
 */

import type { Readable } from 'node:stream'
import type { LayerSummary } from '../snapshots/describe-layers.ts'
import type { FrozenName } from '../snapshots/frozen.ts'
import type { ChainId, DiffId, Digest } from '../snapshots/types.ts'

export type { ChainId, DiffId, Digest }

declare const brand: unique symbol

/** `sha256:` and 64 hexadecimal digits: the digest of the image's configuration. */
export type ImageId = string & { readonly [brand]: 'ImageId' }

export interface Healthcheck {
  /** [] inherits, ['NONE'] switches off, ['CMD', …] and ['CMD-SHELL', command] run. */
  test: string[]
  /** All in nanoseconds; 0 inherits. */
  intervalNs: number
  timeoutNs: number
  startPeriodNs: number
  startIntervalNs: number
  retries: number
}

/** What a container of the image starts with, unless told otherwise. */
export interface ImageConfig {
  user: string
  /** `80/tcp` */
  exposedPorts: string[]
  env: string[]
  entrypoint: string[] | undefined
  cmd: string[] | undefined
  /** Paths. */
  volumes: string[]
  workingDir: string
  labels: Record<string, string>
  stopSignal: string | undefined
  /** Seconds. */
  stopTimeoutS: number | undefined
  healthcheck: Healthcheck | undefined
  /** The shell form's shell (SHELL in a Dockerfile). */
  shell: string[] | undefined
  onBuild: string[]
  hostname: string
  domainname: string
  tty: boolean
  openStdin: boolean
}

export interface HistoryEntry {
  /** RFC 3339; undefined if not recorded. */
  created: string | undefined
  createdBy: string
  author: string
  comment: string
  /** The step made no layer. */
  emptyLayer: boolean
}

export interface Image {
  id: ImageId
  /** Familiar names, as users type them: `busybox:latest`. */
  repoTags: string[]
  /** `busybox@sha256:…` */
  repoDigests: string[]
  config: ImageConfig
  architecture: string
  variant: string | undefined
  os: string
  osVersion: string | undefined
  author: string
  comment: string
  /** RFC 3339; undefined if not recorded. */
  created: string | undefined
  /** When a reference to it was last set here; RFC 3339. */
  lastTagged: string | undefined
  /** The image it was committed or built from, if it is here. */
  parent: ImageId | undefined
  dockerVersion: string
  diffIds: DiffId[]
  /** For Snapshots.prepare; lowest first. */
  chain: ChainId[]
  /** Bytes of all its layers, unpacked. */
  size: number
  /** How and where its layers lie; `data` as Docker names it. */
  graphDriver: { name: string; data: Record<string, string> | null }
  history: HistoryEntry[]
}

export interface ImageEvent {
  action: 'import' | 'load' | 'tag' | 'untag' | 'delete' | 'pull' | 'push' | 'save'
  /** The image's id, or the reference for pull, push and untag as Docker has it. */
  id: string
  /** What `name` is in the event's attributes. */
  name: string
  labels: Record<string, string>
  timeNs: bigint
}

/** Docker's filters on a list of images. Several values of one filter: any of them; labels: all of them. */
export interface ImageFilters {
  dangling?: boolean
  /** `key` or `key=value` */
  label?: string[]
  /** Patterns such as `busy*:latest`. */
  reference?: string[]
  /** References or ids: images created before, or since. */
  before?: string[]
  since?: string[]
  /** Prune only: timestamps or durations, and labels that must be missing. */
  until?: string[]
  labelNot?: string[]
}

/** A container that uses an image. */
export interface ImageUse {
  containerId: string
  running: boolean
  /** It is not the container that uses it, but a snapshot of this name. */
  snapshot?: string
}

export type Removed = { untagged: string } | { deleted: string }

/** One step of a long job, as Docker's progress stream shows it. */
export type Progress =
  | { stream: string }
  /** `isNote`: said once, below all others; it gets no line that later steps write over. */
  | { status: string; id?: string; current?: number; total?: number; isNote?: boolean }
  | { aux: Record<string, unknown> }

export interface ImportOptions {
  /** `repository[:tag]`; none leaves the image without a name. */
  reference?: string | undefined
  message?: string | undefined
  /** Dockerfile instructions: `CMD ["sh"]`, `ENV a=b`, … */
  changes?: string[]
  /** For the history's "Imported from …". */
  source?: string
  /** `linux/amd64` and the like; default: this machine. */
  platform?: string | undefined
}

export interface CommitOptions {
  /** The new layer: a frozen folder, which it becomes; an upper folder (RootMount), of which it is a copy; or an archive. */
  layer: { frozen: FrozenName } | { upper: string } | Readable
  /** The image that the container came from. */
  parent: ImageId | undefined
  reference?: string | undefined
  author?: string | undefined
  message?: string | undefined
  changes?: string[]
  /** The container's configuration, which the image gets (before `changes`). */
  config: ImageConfig
  createdBy: string
}

/** An image of layers that are here already. */
export interface ComposeOptions {
  config: ImageConfig
  platform: { os: string; architecture: string; variant: string | undefined }
  author: string
  /** RFC 3339. */
  created: string
  diffIds: readonly DiffId[]
  history: readonly HistoryEntry[]
  /** The image that it continues, if that is here. */
  parent: ImageId | undefined
}

export interface Images {
  /**
   * By reference, `name@digest`, id or unambiguous prefix of an id. `host` and `hello` are made on first use.
   * @throws NotFound `No such image: x:latest`, InvalidParameter `invalid reference format`
   */
  resolve(name: string): Promise<Image>
  /** As a user would write it, for a container's Config.Image and for `ps`; undefined if the image is gone. */
  find(id: ImageId): Promise<Image | undefined>
  /** Newest first. Without `all`, images that are only steps on the way to others are left out. Unfiltered, it is the same array until something changes. */
  list(filters?: ImageFilters, options?: { all?: boolean }): Promise<readonly Image[]>
  tag(source: string, target: string): Promise<void>
  /** Docker's rules: untag first, then delete what nobody names, uses or is built upon. */
  remove(name: string, options: { force: boolean; prune: boolean }): Promise<Removed[]>
  /** Deletes unused images: the dangling ones, or with `dangling: false` in the filters all without a container. */
  prune(filters: ImageFilters): Promise<{ removed: Removed[]; reclaimed: number }>
  importRootfs(archive: Readable, options: ImportOptions): Promise<Image>
  /** A `docker save` archive or an OCI layout, in any compression. */
  load(archive: Readable, onProgress: (step: Progress) => void): Promise<Image[]>
  /** An archive that both docker and OCI tools load. */
  save(names: string[]): Promise<Readable>
  commit(options: CommitOptions): Promise<Image>
  /** The same options give the same image, with images of the `steps` that led to it. Call it while something keeps the layers. */
  compose(options: ComposeOptions, steps: readonly ComposeOptions[], names: readonly string[]): Promise<Image>
  /** Each history entry of an image with its size; newest first, as `docker history` shows it. */
  history(name: string): Promise<HistoryLine[]>
  /** Bytes on disk of all layers, each once; and those that no image of `ids` shares with another. */
  diskUsage(): Promise<{ layersSize: number; images: ImageDiskUsage[] }>
  /** The steps and layers of an image, lowest first, for `image tree`. `withFiles` looks into each layer. */
  tree(name: string, options: { withFiles: boolean }): Promise<ImageTree>
  /** Tells of every change. Returns the function that ends it. */
  subscribe(listener: (event: ImageEvent) => void): () => void
}

export interface HistoryLine extends HistoryEntry {
  /** The image at this step, if it has an id here. */
  id: ImageId | undefined
  tags: string[]
  size: number
}

export interface ImageDiskUsage {
  image: Image
  /** Bytes of layers that other images have too; and that only this one has. */
  sharedSize: number
  uniqueSize: number
}

export interface ImageTree {
  image: Image
  /** Lowest first. */
  steps: TreeStep[]
  /** How a container's root would be mounted, standing in this folder; undefined where it is a copy. */
  mount: { folder: string; options: string } | undefined
}

export interface TreeStep extends HistoryEntry {
  /** undefined for a step that only changed the configuration. */
  layer: LayerDescription | undefined
}

export interface LayerDescription {
  chainId: ChainId
  diffId: DiffId
  /** The name of its folder, and where that is. */
  name: string
  path: string
  size: number
  /** undefined if nobody looked. */
  files: LayerSummary | undefined
  /** Other images with the same layer. */
  sharedWith: string[]
}

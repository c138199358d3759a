/**
 * The vocabulary of builds.
 *
 * A CONTEXT is the folder of files that the client sent. A STAGE begins with FROM; it is a chain of STEPS, one for each instruction, and
 * each step turns a STATE (a configuration on a stack of layers) into the next. What a step came to is kept in the CACHE under a KEY
 * made of everything that it depends on.
 */

import type { Readable } from 'node:stream'
import type { ContainerConfig, HostConfig } from '../containers/types.ts'
import type { ImageId, Progress } from '../images/types.ts'

export interface BuildRequest {
  /** Path of the Dockerfile in the context. */
  dockerfile: string
  /** The Dockerfile itself, where it is not part of the context; null: it is. */
  inlineDockerfile: string | null
  /** `repository[:tag]` */
  tags: string[]
  /** null: declared by the client without a value. */
  buildArgs: Record<string, string | null>
  labels: Record<string, string>
  /** Name or number of a stage; '': the last. */
  target: string
  noCache: boolean
  pull: boolean
  /** Images whose steps may be reused. */
  cacheFrom: string[]
  /** 'linux/amd64'; '': this machine's. */
  platform: string
  /** What every RUN has besides its own: limits, network, hosts. */
  container: { config: ContainerConfig; host: HostConfig }
  /** Keep an image of each step, as Docker's classic builder does. */
  keepSteps: boolean
  /** Further contexts by name: a folder beside the main one in the archive, or an image. */
  contexts: Record<string, { folder: string } | { image: string }>
  /** Where the main context lies in the archive; '': the archive is the context. */
  contextFolder: string
  /** The client has applied .dockerignore. */
  contextIsClean: boolean
  secrets: Record<string, Buffer>
  /** Sockets of ssh agents, by id. */
  agents: Record<string, string>
  pullImage: PullImage | null
}

export type PullImage = (reference: string, onProgress: (step: Progress) => void, signal: AbortSignal) => Promise<void>

/** What a build tells while it goes on. Steps are numbered over all stages that are needed, from 1. */
export type BuildEvent =
  | { kind: 'plan'; file: string; total: number }
  | { kind: 'pull'; step: number; progress: Progress }
  | {
      kind: 'begin'
      step: number
      stage: string
      /** As the Dockerfile has it, and as it is run. */
      text: string
      line: number
    }
  | { kind: 'running'; step: number; container: string }
  | { kind: 'output'; step: number; stream: 'stdout' | 'stderr'; text: string }
  | { kind: 'end'; step: number; cached: boolean; image: string; ms: number }
  | { kind: 'warning'; message: string }

export interface BuildResult {
  image: ImageId
  tags: string[]
}

export interface CacheEntry {
  id: string
  parent: string
  type: 'regular' | 'exec.cachemount'
  description: string
  inUse: boolean
  shared: boolean
  size: number
  createdAt: string
  lastUsedAt: string
  usageCount: number
}

export interface PruneRequest {
  all: boolean
  keepBytes: number
  filters: Record<string, string[]>
}

export interface BuildService {
  /** `context` is a tar archive of any compression. Rejects with BuildFailed where a step fails. */
  build(
    request: BuildRequest,
    context: Readable,
    tell: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<BuildResult>
  /** The files of an image, as one tar archive. @throws NotFound */
  tree(image: string): Promise<Readable>
  cacheUsage(): Promise<CacheEntry[]>
  /** Ends all builds; resolves when nothing is left of them. */
  stop(): Promise<void>
  prune(request: PruneRequest): Promise<{ removed: string[]; reclaimed: number }>
}

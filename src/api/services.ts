/**
 * What the Engine API serves: the daemon hands this set over to createApiServer. Each service is the contract of the room
 * that implements it; where one is null its routes say so.
 */

import type { Readable } from 'node:stream'
import type { BuildService } from '../build/types.ts'
import type { ContainerFiles } from '../containers/files/types.ts'
import type { SnapshotService } from '../containers/snapshots/types.ts'
import type { ContainerStats } from '../containers/stats/stats.ts'
import type { ContainerService } from '../containers/types.ts'
import type { Images, Progress } from '../images/types.ts'
import type { NetworkService } from '../networks/types.ts'
import type { EventService, SystemService } from '../system/types.ts'
import type { Volumes } from '../volumes/types.ts'

export interface Services {
  containers: ContainerService
  snapshots: SnapshotService
  files: ContainerFiles
  stats: ContainerStats
  images: Images
  builds: BuildService
  events: EventService
  system: SystemService
  /** null: this daemon has no networks beyond the host's. */
  networks: NetworkService | null
  volumes: Volumes
  /** null: registries are not spoken to yet. */
  registry: RegistryService | null
}

/** As X-Registry-Auth carries it. */
export interface RegistryAuth {
  username: string
  password: string
  email: string
  serverAddress: string
  identityToken: string
  registryToken: string
}

export interface SearchResult {
  name: string
  description: string
  official: boolean
  automated: boolean
  stars: number
}

/** What a name stands for at a registry. */
export interface RemoteDescription {
  mediaType: string
  digest: string
  /** Bytes of the manifest or index. */
  size: number
  platforms: { os: string; architecture: string; variant: string }[]
}

export interface RegistryService {
  /** `tag` may be a digest; '' with `all` false is latest. */
  pull(
    request: { image: string; tag: string; all: boolean; platform: string | null; auth: RegistryAuth | null },
    onProgress: (step: Progress) => void,
    signal: AbortSignal,
  ): Promise<void>
  push(
    request: { image: string; tag: string; auth: RegistryAuth | null },
    onProgress: (step: Progress) => void,
    signal: AbortSignal,
  ): Promise<void>
  /** An archive from a web server; `size` in bytes if it is known. @throws InvalidParameter, Unavailable */
  fetch(url: string, signal: AbortSignal): Promise<{ size: number | undefined; body: Readable }>
  /** @throws NotFound, Unauthorized */
  inspect(image: string, auth: RegistryAuth | null, signal: AbortSignal): Promise<RemoteDescription>
  search(request: {
    term: string
    limit: number
    filters: Record<string, string[]>
    auth: RegistryAuth | null
  }): Promise<SearchResult[]>
  /** @throws Unauthorized */
  login(auth: RegistryAuth): Promise<{ status: string; identityToken: string }>
}

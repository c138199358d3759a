/**
 * What the daemon can say about itself and its host: `docker info`, `docker version`, `docker events`.
 * Fields mean what the Engine API reference (v1.47) says of their namesakes in SystemInfo and SystemVersion.
 */

import type { CgroupSupport } from '../cgroups/types.ts'
import type { Filters, SkiffEvent } from '../containers/types.ts'

/** What an engine is, whatever it is doing at the moment. */
export interface EngineVersion {
  version: string
  apiVersion: string
  minApiVersion: string
  gitCommit: string
  /** RFC 3339. */
  buildTime: string
  /** Node's, in the place of Go's. */
  runtimeVersion: string
  os: 'linux'
  /** As images have it: amd64, arm64. */
  arch: string
  kernelVersion: string
}

export interface SystemInfo {
  /** Stays the same over restarts. */
  id: string
  name: string
  version: EngineVersion
  containers: { total: number; running: number; paused: number; stopped: number }
  images: number
  storage: {
    driver: string /** Label and value, as `docker info` shows them below the driver. */
    status: [string, string][]
  }
  /** Uppermost folder of the daemon's state. */
  dataRoot: string
  plugins: { volume: string[]; network: string[]; log: string[] }
  cgroup: { driver: 'cgroupfs'; version: '1' | '2'; supports: CgroupSupport }
  kernel: { bridgeNfIptables: boolean; bridgeNfIp6tables: boolean; ipv4Forwarding: boolean }
  debug: boolean
  openFiles: number
  goroutines: number
  eventListeners: number
  /** RFC 3339 with nanoseconds. */
  systemTime: string
  loggingDriver: string
  /** `Debian GNU/Linux 12 (bookworm)`; `(containerized)` is added inside a container. */
  operatingSystem: string
  osVersion: string
  /** As uname(2) has it: x86_64. */
  machine: string
  cpus: number
  memoryBytes: number
  registry: RegistrySettings
  labels: string[]
  httpProxy: string
  httpsProxy: string
  noProxy: string
  liveRestore: boolean
  defaultRuntime: string
  runtimes: string[]
  initBinary: string
  /** `name=seccomp,profile=default`, `name=userns`. */
  securityOptions: string[]
  addressPools: { base: string; size: number }[]
  /** Sentences beginning with `WARNING: `. */
  warnings: string[]
}

export interface RegistrySettings {
  mirrors: string[]
  /** Ranges in CIDR form; 127.0.0.0/8 is always among them. */
  insecureCidrs: string[]
  /** `host:port` of registries spoken to without TLS. */
  insecureRegistries: string[]
}

export interface SystemService {
  version(): EngineVersion
  info(): Promise<SystemInfo>
}

export interface EventsRequest {
  /** Nanoseconds since the epoch; null: nothing of the past. */
  sinceNs: bigint | null
  /** The stream ends there; null: it does not end. */
  untilNs: bigint | null
  filters: Filters
}

/** The recent past, and what happens from now on. */
export interface EventService {
  /**
   * The events asked for, past ones first. Ends at `untilNs`, or when the signal is aborted.
   * A reader too slow to take them is dropped with an error once its backlog is full: memory stays bounded.
   */
  stream(request: EventsRequest, signal: AbortSignal): AsyncIterable<SkiffEvent>
}

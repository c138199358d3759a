/** What was asked for: a container's config and host config, as its creator gave them or as they were completed. */

import type { Resources } from '../cgroups/types.ts'

declare const brand: unique symbol
/** 64 hexadecimal digits. */
export type ContainerId = string & { readonly [brand]: 'ContainerId' }
export type ExecId = string & { readonly [brand]: 'ExecId' }

/** Moments are milliseconds since the epoch with nanoseconds kept as text where Docker shows them: RFC 3339, UTC. */
export type Timestamp = string

export interface HealthConfig {
  /** [] inherits the image's, ['NONE'] switches it off, ['CMD', …] or ['CMD-SHELL', line]. */
  test: string[]
  intervalNs: number
  timeoutNs: number
  startPeriodNs: number
  startIntervalNs: number
  retries: number
}

/** The portable part: what an image can carry too. */
export interface ContainerConfig {
  hostname: string
  domainname: string
  user: string
  attachStdin: boolean
  attachStdout: boolean
  attachStderr: boolean
  exposedPorts: string[]
  tty: boolean
  openStdin: boolean
  stdinOnce: boolean
  /** NAME=value; a bare NAME in a request removes the image's. */
  env: string[]
  cmd: string[] | null
  entrypoint: string[] | null
  healthcheck: HealthConfig | null
  /** The image as the user named it. */
  image: string
  volumes: string[]
  workingDir: string
  networkDisabled: boolean
  macAddress: string
  onBuild: string[] | null
  labels: Record<string, string>
  stopSignal: string
  stopTimeoutSeconds: number | null
  shell: string[] | null
  argsEscaped: boolean
}

export interface PortBinding {
  hostIp: string
  /** '' for one that the kernel chooses, '8000' or '8000-8010'. */
  hostPort: string
}

export interface RestartPolicy {
  name: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure'
  maximumRetryCount: number
}

export interface LogConfig {
  type: string
  config: Record<string, string>
}

export interface Ulimit {
  /** 'nofile', as setrlimit's name without RLIMIT_. */
  name: string
  soft: number
  hard: number
}

export interface DeviceMapping {
  pathOnHost: string
  pathInContainer: string
  cgroupPermissions: string
}

export interface MountRequest {
  type: 'bind' | 'volume' | 'tmpfs' | 'image' | 'npipe' | 'cluster'
  source: string
  target: string
  readonly: boolean
  consistency: string
  bind?: {
    propagation: string
    nonRecursive: boolean
    createMountpoint: boolean
    readonlyNonRecursive: boolean
    readonlyForceRecursive: boolean
  }
  volume?: {
    noCopy: boolean
    labels: Record<string, string>
    driver: { name: string; options: Record<string, string> } | null
    subpath: string
  }
  tmpfs?: { sizeBytes: number; mode: number; options: string[][] }
}

/** The part that belongs to this machine. */
export interface HostConfig {
  binds: string[]
  containerIdFile: string
  logConfig: LogConfig
  networkMode: string
  portBindings: Record<string, PortBinding[]>
  restartPolicy: RestartPolicy
  autoRemove: boolean
  volumeDriver: string
  volumesFrom: string[]
  mounts: MountRequest[]
  consoleSize: { rows: number; columns: number }
  annotations: Record<string, string>
  capAdd: string[]
  capDrop: string[]
  cgroupnsMode: string
  dns: string[]
  dnsOptions: string[]
  dnsSearch: string[]
  extraHosts: string[]
  groupAdd: string[]
  ipcMode: string
  cgroup: string
  links: string[]
  oomScoreAdj: number
  pidMode: string
  privileged: boolean
  publishAllPorts: boolean
  readonlyRootfs: boolean
  securityOpt: string[]
  storageOpt: Record<string, string>
  tmpfs: Record<string, string>
  utsMode: string
  usernsMode: string
  shmBytes: number
  sysctls: Record<string, string>
  runtime: string
  isolation: string
  cgroupParent: string
  devices: DeviceMapping[]
  deviceCgroupRules: string[]
  deviceRequests: unknown[]
  /** Limits, as src/cgroups has them. Device rules come from `devices` and `deviceCgroupRules`. */
  resources: Resources
  ulimits: Ulimit[]
  init: boolean | null
  /** null: the default lists; []: none, as --security-opt systempaths=unconfined asks. */
  maskedPaths: string[] | null
  readonlyPaths: string[] | null
}

/** A network that a container is, or shall be, connected to. */
export interface EndpointConfig {
  aliases: string[]
  links: string[]
  macAddress: string
  driverOptions: Record<string, string>
  ipv4Address: string
  ipv6Address: string
  linkLocalIps: string[]
}

export interface CreateRequest {
  /** Without the leading slash; '' for a name of skiff's choosing. */
  name: string
  config: ContainerConfig
  hostConfig: HostConfig
  /** By network name or id. */
  endpoints: Record<string, EndpointConfig>
  /** 'linux/amd64'; null: any. */
  platform: string | null
  /** It begins where this snapshot was taken, with its settings in the place of the image's; '' for the image itself. */
  snapshot: string
}

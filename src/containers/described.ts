/** What is the case: a container as `inspect` shows it. */

import type {
  ContainerConfig,
  ContainerId,
  EndpointConfig,
  ExecId,
  HostConfig,
  PortBinding,
  Timestamp,
} from './asked.ts'

export type Status = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

export interface HealthState {
  status: 'none' | 'starting' | 'healthy' | 'unhealthy'
  failingStreak: number
  log: { start: Timestamp; end: Timestamp; exitCode: number; output: string }[]
}

export interface ContainerState {
  status: Status
  running: boolean
  paused: boolean
  restarting: boolean
  oomKilled: boolean
  dead: boolean
  pid: number
  exitCode: number
  error: string
  startedAt: Timestamp
  finishedAt: Timestamp
  health: HealthState | null
}

/** A mount as inspect shows it. */
export interface MountPoint {
  type: 'bind' | 'volume' | 'tmpfs'
  name: string
  source: string
  destination: string
  driver: string
  mode: string
  rw: boolean
  propagation: string
}

/** An endpoint as it is: the request and what became of it. */
export interface Endpoint extends EndpointConfig {
  networkId: string
  endpointId: string
  gateway: string
  ipAddress: string
  ipPrefixLength: number
  ipv6Gateway: string
  globalIpv6Address: string
  globalIpv6PrefixLength: number
  dnsNames: string[]
}

export interface NetworkSettings {
  sandboxId: string
  sandboxKey: string
  /** '80/tcp' → where it is published; null: exposed only. */
  ports: Record<string, PortBinding[] | null>
  networks: Record<string, Endpoint>
}

/** Everything about one container: a snapshot taken for a reader, not a live object. */
export interface Container {
  id: ContainerId
  /** Without the leading slash. */
  name: string
  /** Further names given by links, e.g. 'web/db'. */
  linkNames: string[]
  created: Timestamp
  path: string
  args: string[]
  config: ContainerConfig
  hostConfig: HostConfig
  state: ContainerState
  /** sha256:… */
  imageId: string
  resolvConfPath: string
  hostnamePath: string
  hostsPath: string
  logPath: string
  restartCount: number
  platform: string
  mountLabel: string
  processLabel: string
  appArmorProfile: string
  execIds: ExecId[]
  graphDriver: { name: string; data: Record<string, string> }
  mounts: MountPoint[]
  networkSettings: NetworkSettings
}

export interface ContainerSizes {
  /** Bytes in the container's own layer. */
  writable: number
  /** Bytes of all layers together. */
  rootfs: number
}

/** `docker info` and `docker version`: what the daemon was told, and what the host says. */

import { availableParallelism, hostname, machine, release, totalmem } from 'node:os'
import type { Cgroups } from '../cgroups/types.ts'
import { timestampNow } from '../kernel/clock.ts'
import { fileSystemOf, networking, openFiles, operatingSystem, threads } from './host.ts'
import { engineId, thisBuild } from './identity.ts'
import type { EngineVersion, RegistrySettings, SystemInfo, SystemService } from './types.ts'
import { hostWarnings } from './warnings.ts'

/** From the daemon's configuration. */
export interface SystemSettings {
  dataRoot: string
  /** How containers' roots are made. */
  storageDriver: 'overlay2' | 'vfs'
  debug: boolean
  loggingDriver: string
  logDrivers: string[]
  labels: string[]
  registry: RegistrySettings
  httpProxy: string
  httpsProxy: string
  noProxy: string
  liveRestore: boolean
  initBinary: string
  /** Networks that can be made: bridge, host, null, … */
  networkDrivers: string[]
  addressPools: { base: string; size: number }[]
  userNamespaces: boolean
  apiVersion: string
  minApiVersion: string
}

/** What changes while the daemon runs. */
export interface SystemState {
  containers(): SystemInfo['containers']
  images(): Promise<number>
  eventListeners(): number
}

/** Go's name of an architecture, which images and clients use. */
const ARCHITECTURES: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm',
  riscv64: 'riscv64',
  s390x: 's390x',
}

const RUNTIME = 'skiff'

export async function createSystem(
  settings: SystemSettings,
  cgroups: Cgroups,
  state: SystemState,
): Promise<SystemService> {
  const id = await engineId(settings.dataRoot)
  const build = await thisBuild()
  const version: EngineVersion = {
    version: build.version,
    apiVersion: settings.apiVersion,
    minApiVersion: settings.minApiVersion,
    gitCommit: build.gitCommit,
    buildTime: build.time,
    runtimeVersion: `node ${process.version}`,
    os: 'linux',
    arch: ARCHITECTURES[process.arch] ?? process.arch,
    kernelVersion: release(),
  }
  return {
    version: () => version,
    info: async () => ({
      id,
      version,
      name: hostname(),
      ...fromSettings(settings),
      ...(await fromHost(settings, cgroups)),
      containers: state.containers(),
      images: await state.images(),
      eventListeners: state.eventListeners(),
      systemTime: timestampNow(),
    }),
  }
}

const fromSettings = (settings: SystemSettings) => ({
  dataRoot: settings.dataRoot,
  plugins: { volume: ['local'], network: settings.networkDrivers, log: settings.logDrivers },
  debug: settings.debug,
  loggingDriver: settings.loggingDriver,
  registry: settings.registry,
  labels: settings.labels,
  httpProxy: settings.httpProxy,
  httpsProxy: settings.httpsProxy,
  noProxy: settings.noProxy,
  liveRestore: settings.liveRestore,
  defaultRuntime: RUNTIME,
  runtimes: [RUNTIME],
  initBinary: settings.initBinary,
  addressPools: settings.addressPools,
})

async function fromHost(settings: SystemSettings, cgroups: Cgroups) {
  const [system, kernel] = [await operatingSystem(), await networking()]
  const { supports } = cgroups
  const version: '1' | '2' = cgroups.mode === 'unified' ? '2' : '1'
  return {
    storage: { driver: settings.storageDriver, status: await storageStatus(settings) },
    cgroup: { driver: 'cgroupfs' as const, version, supports },
    kernel,
    openFiles: await openFiles(),
    goroutines: await threads(),
    operatingSystem: system.name,
    osVersion: system.version,
    machine: machine(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    securityOptions: securityOptions(settings, version),
    warnings: hostWarnings(supports, kernel.ipv4Forwarding),
  }
}

const storageStatus = async ({ dataRoot, storageDriver }: SystemSettings): Promise<[string, string][]> => [
  ['Backing Filesystem', await fileSystemOf(dataRoot)],
  ...(storageDriver === 'overlay2' ? [['Mounted', 'in each container only'] satisfies [string, string]] : []),
]

const securityOptions = (settings: SystemSettings, version: '1' | '2'): string[] => [
  'name=seccomp,profile=builtin',
  ...(settings.userNamespaces ? ['name=userns'] : []),
  ...(version === '2' ? ['name=cgroupns'] : []),
]

/** What the engine says of itself. Engine API reference, "SystemVersion" and "SystemInfo". */

import type { EngineVersion, RegistrySettings, SystemInfo } from '../../system/types.ts'

/** Docker's clients show one entry per component; skiff is one component. */
export const encodeVersion = (version: EngineVersion) => ({
  Platform: { Name: 'skiff' },
  Components: [
    {
      Name: 'Engine',
      Version: version.version,
      Details: {
        ApiVersion: version.apiVersion,
        Arch: version.arch,
        BuildTime: version.buildTime,
        Experimental: 'false',
        GitCommit: version.gitCommit,
        GoVersion: version.runtimeVersion,
        KernelVersion: version.kernelVersion,
        MinAPIVersion: version.minApiVersion,
        Os: version.os,
      },
    },
  ],
  Version: version.version,
  ApiVersion: version.apiVersion,
  MinAPIVersion: version.minApiVersion,
  GitCommit: version.gitCommit,
  GoVersion: version.runtimeVersion,
  Os: version.os,
  Arch: version.arch,
  KernelVersion: version.kernelVersion,
  BuildTime: version.buildTime,
})

const HUB = 'docker.io'

const encodeRegistry = ({ mirrors, insecureCidrs, insecureRegistries }: RegistrySettings) => ({
  AllowNondistributableArtifactsCIDRs: [],
  AllowNondistributableArtifactsHostnames: [],
  InsecureRegistryCIDRs: insecureCidrs,
  IndexConfigs: {
    [HUB]: { Name: HUB, Mirrors: mirrors, Secure: true, Official: true },
    ...Object.fromEntries(
      insecureRegistries.map(name => [name, { Name: name, Mirrors: [], Secure: false, Official: false }]),
    ),
  },
  Mirrors: mirrors,
})

/** An engine that is in no swarm. */
const NO_SWARM = {
  NodeID: '',
  NodeAddr: '',
  LocalNodeState: 'inactive',
  ControlAvailable: false,
  Error: '',
  RemoteManagers: null,
}

/** skiff needs no such program. */
const NO_PROGRAM = { ID: '', Expected: '' }

const encodeLimits = ({ cgroup: { supports } }: SystemInfo) => ({
  MemoryLimit: supports.memoryLimit,
  SwapLimit: supports.swapLimit,
  KernelMemoryTCP: false,
  CpuCfsPeriod: supports.cpuCfsPeriod,
  CpuCfsQuota: supports.cpuCfsQuota,
  CPUShares: supports.cpuShares,
  CPUSet: supports.cpuSet,
  PidsLimit: supports.pidsLimit,
  OomKillDisable: supports.oomKillDisable,
})

const encodeHost = (info: SystemInfo) => ({
  IPv4Forwarding: info.kernel.ipv4Forwarding,
  BridgeNfIptables: info.kernel.bridgeNfIptables,
  BridgeNfIp6tables: info.kernel.bridgeNfIp6tables,
  KernelVersion: info.version.kernelVersion,
  OperatingSystem: info.operatingSystem,
  OSVersion: info.osVersion,
  OSType: info.version.os,
  Architecture: info.machine,
  NCPU: info.cpus,
  MemTotal: info.memoryBytes,
  Name: info.name,
  HttpProxy: info.httpProxy,
  HttpsProxy: info.httpsProxy,
  NoProxy: info.noProxy,
})

export const encodeInfo = (info: SystemInfo) => ({
  ID: info.id,
  Containers: info.containers.total,
  ContainersRunning: info.containers.running,
  ContainersPaused: info.containers.paused,
  ContainersStopped: info.containers.stopped,
  Images: info.images,
  Driver: info.storage.driver,
  DriverStatus: info.storage.status,
  DockerRootDir: info.dataRoot,
  Plugins: {
    Volume: info.plugins.volume,
    Network: info.plugins.network,
    Authorization: null,
    Log: info.plugins.log,
  },
  ...encodeLimits(info),
  ...encodeHost(info),
  Debug: info.debug,
  NFd: info.openFiles,
  NGoroutines: info.goroutines,
  SystemTime: info.systemTime,
  LoggingDriver: info.loggingDriver,
  CgroupDriver: info.cgroup.driver,
  CgroupVersion: info.cgroup.version,
  NEventsListener: info.eventListeners,
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: encodeRegistry(info.registry),
  GenericResources: null,
  Labels: info.labels,
  ExperimentalBuild: false,
  ServerVersion: info.version.version,
  Runtimes: Object.fromEntries(info.runtimes.map(name => [name, { path: name }])),
  DefaultRuntime: info.defaultRuntime,
  Swarm: NO_SWARM,
  LiveRestoreEnabled: info.liveRestore,
  Isolation: '',
  InitBinary: info.initBinary,
  ContainerdCommit: NO_PROGRAM,
  RuncCommit: NO_PROGRAM,
  InitCommit: NO_PROGRAM,
  SecurityOptions: info.securityOptions,
  DefaultAddressPools: info.addressPools.map(({ base, size }) => ({ Base: base, Size: size })),
  CDISpecDirs: [],
  Warnings: info.warnings,
})

/** The keys of a service that belong to the machine: limits, privileges, devices, DNS. Source: Engine API 1.47, HostConfig. */

import type { Service } from '../project.ts'

export function hostConfig(service: Service): Record<string, unknown> {
  return defined({
    Annotations: service.annotations,
    CapAdd: service.cap_add,
    CapDrop: service.cap_drop,
    CgroupnsMode: service.cgroup,
    CgroupParent: service.cgroup_parent,
    Dns: service.dns,
    DnsOptions: service.dns_opt,
    DnsSearch: service.dns_search,
    ExtraHosts: service.extra_hosts?.map(host => host.replace('=', ':')),
    GroupAdd: service.group_add,
    Init: service.init,
    LogConfig: service.logging && { Type: service.logging.driver ?? '', Config: service.logging.options ?? {} },
    OomKillDisable: service.oom_kill_disable,
    OomScoreAdj: service.oom_score_adj,
    Privileged: service.privileged,
    ReadonlyRootfs: service.read_only,
    RestartPolicy: restartPolicy(service),
    Runtime: service.runtime,
    SecurityOpt: service.security_opt?.filter(
      option => option !== 'systempaths=unconfined' && option !== 'systempaths:unconfined',
    ),
    ...(service.security_opt?.some(option => /^systempaths[=:]unconfined$/.test(option)) && {
      MaskedPaths: [],
      ReadonlyPaths: [],
    }),
    ShmSize: service.shm_size,
    StorageOpt: service.storage_opt,
    Sysctls: service.sysctls,
    UsernsMode: service.userns_mode,
    UTSMode: service.uts,
    ...limits(service),
  })
}

function limits(service: Service): Record<string, unknown> {
  const { limits: most = {}, reservations = {} } = service.deploy?.resources ?? {}
  const cpus = service.cpus ?? most.cpus
  const blkio = service.blkio_config
  const rates = (items: readonly { path?: string; rate?: number }[] | undefined) =>
    items?.map(({ path, rate }) => ({ Path: path, Rate: rate }))
  return {
    BlkioWeight: blkio?.weight,
    BlkioWeightDevice: blkio?.weight_device?.map(({ path, weight }) => ({ Path: path, Weight: weight })),
    BlkioDeviceReadBps: rates(blkio?.device_read_bps),
    BlkioDeviceReadIOps: rates(blkio?.device_read_iops),
    BlkioDeviceWriteBps: rates(blkio?.device_write_bps),
    BlkioDeviceWriteIOps: rates(blkio?.device_write_iops),
    CpuPeriod: service.cpu_period,
    CpuQuota: service.cpu_quota,
    CpuRealtimePeriod: service.cpu_rt_period,
    CpuRealtimeRuntime: service.cpu_rt_runtime,
    CpuShares: service.cpu_shares ?? sharesOf(reservations.cpus),
    CpusetCpus: service.cpuset,
    NanoCpus: cpus === undefined ? undefined : Math.round(cpus * 1e9),
    DeviceCgroupRules: service.device_cgroup_rules,
    Devices: service.devices?.map(({ source, target, permissions }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: permissions,
    })),
    Memory: service.mem_limit ?? most.memory,
    MemoryReservation: service.mem_reservation ?? reservations.memory,
    MemorySwap: service.memswap_limit,
    MemorySwappiness: service.mem_swappiness,
    PidsLimit: service.pids_limit ?? most.pids,
    Ulimits: Object.entries(service.ulimits ?? {}).map(([Name, limit]) =>
      typeof limit === 'number' ? { Name, Soft: limit, Hard: limit } : { Name, Soft: limit.soft, Hard: limit.hard },
    ),
  }
}

/** One CPU is 1024 shares: so much it has when all others want as much as they can get. cgroups(7), cpu.shares. */
const sharesOf = (cpus: number | undefined): number | undefined =>
  cpus === undefined ? undefined : Math.max(2, Math.round(cpus * 1024))

/** `restart`, or else what deploy says. */
function restartPolicy({ restart, deploy }: Service): object | undefined {
  if (restart !== undefined) {
    const [Name = '', count = '0'] = restart.split(':')
    return { Name, MaximumRetryCount: Number(count) }
  }
  const policy = deploy?.restart_policy
  if (!policy) return undefined
  const MaximumRetryCount = policy.max_attempts ?? 0
  switch (policy.condition ?? 'any') {
    case 'none':
      return { Name: 'no', MaximumRetryCount: 0 }
    case 'on-failure':
      return { Name: 'on-failure', MaximumRetryCount }
    default:
      // A number of attempts is what on-failure has and always has not.
      return MaximumRetryCount > 0
        ? { Name: 'on-failure', MaximumRetryCount }
        : { Name: 'always', MaximumRetryCount: 0 }
  }
}

const defined = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/** From a container's configuration to what the runtime starts: everything decided, nothing left to look up. */

import type { Cgroup, Resources } from '../../cgroups/types.ts'
import type { ContainerSpec, MountSpec, Propagation } from '../../runtime/spec.ts'
import type { RootMount } from '../../snapshots/types.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { linkEnvironment } from '../network/link-environment.ts'
import type { OpenedNetwork } from '../network/open.ts'
import type { ChosenDevices } from './devices.ts'
import { chooseLimits } from './limits.ts'
import { lookInside } from './look-inside.ts'
import { chooseMounts } from './mounts.ts'
import { chooseNamespaces } from './namespaces.ts'
import { chooseProcess } from './process.ts'
import type { MountSources } from './sources.ts'
import { userNamespaceOf } from './user-namespace.ts'

export interface SpecParts {
  warnings: string[]
  /** The cgroup is made from the rest: it is what comes last. */
  finish(cgroup: Pick<Cgroup, 'join' | 'folders'>): ContainerSpec
}

/** What a specification stands on besides the configuration. */
export interface SpecGround {
  network: Pick<OpenedNetwork, 'namespace' | 'files' | 'hostname'>
  sources: MountSources
  devices: ChosenDevices
}

/** What the cgroup is to be made with. */
export const resourcesOf = ({ config: { hostConfig } }: LiveContainer, { rules }: ChosenDevices): Resources => ({
  ...hostConfig.resources,
  devices: rules,
})

/** @throws InvalidParameter, NotFound, Conflict, Unavailable */
export async function buildSpec(
  context: Context,
  container: LiveContainer,
  { network, sources, devices }: SpecGround,
): Promise<SpecParts> {
  const { id, config: record } = container
  const { config, hostConfig } = record
  const root = await rootOf(context, container)
  const { rlimits, warnings } = chooseLimits(hostConfig.ulimits, context.defaults.ulimits)
  const { namespaces, shmOf } = chooseNamespaces(context, container, network.namespace)
  const userNamespace = userNamespaceOf(context.defaults, hostConfig)
  const request = {
    argv: [record.path, ...record.args],
    linked: linkEnvironment(context, record),
    env: [],
    cwd: config.workingDir,
    user: config.user,
    tty: config.tty,
    privileged: false,
    consoleSize: hostConfig.consoleSize,
    hostname: network.hostname,
    rlimits,
  }
  const asked = await chooseMounts(container, network.files, sources, userNamespace?.map)
  const { database, mounts } = lookInside(context.rooms.snapshots, root, record.imageId, asked)
  const { process, seccomp } = await chooseProcess(container, request, database, context.defaults)
  const spec: Omit<ContainerSpec, 'cgroup' | 'cgroupView'> = {
    id,
    root,
    rootMountPoint: context.rootMountPoint,
    rootReadonly: hostConfig.readonlyRootfs,
    rootPropagation: rootPropagation(mounts),
    process,
    namespaces,
    ...(userNamespace && { userNamespace }),
    shmOf,
    hostname: network.hostname,
    domainname: config.domainname,
    mounts,
    // Without IPC there is no shared memory either.
    shmBytes: hostConfig.ipcMode === 'none' ? 0 : hostConfig.shmBytes,
    devices: devices.nodes,
    hostDevices: hostConfig.privileged,
    sysctls: { ...networkSysctls(hostConfig.networkMode), ...hostConfig.sysctls },
    maskedPaths: hostConfig.maskedPaths ?? [],
    readonlyPaths: hostConfig.readonlyPaths ?? [],
    privileged: hostConfig.privileged,
    seccomp,
    initPath: (hostConfig.init ?? context.defaults.init) ? context.defaults.initPath : null,
  }
  return {
    warnings,
    finish: cgroup => ({
      ...spec,
      cgroup: cgroup.join,
      cgroupView: { readonly: !hostConfig.privileged, folders: cgroup.folders },
    }),
  }
}

/**
 * Docker's: in a network of its own a container's user may ping, and serve on ports below 1024, without a capability. See ip-sysctl.rst,
 * ping_group_range and ip_unprivileged_port_start.
 */
const networkSysctls = (networkMode: string): Record<string, string> =>
  networkMode === 'host' || networkMode.startsWith('container:')
    ? {}
    : { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' }

async function rootOf(context: Context, container: LiveContainer): Promise<RootMount> {
  container.root ??= await context.rooms.snapshots.root(container.id)
  return container.root
}

/** What a bind mount is to share with the host must be shared from the root on. See mount_namespaces(7). */
function rootPropagation(mounts: readonly MountSpec[]): Propagation {
  const asked = mounts.flatMap(mount => (mount.kind === 'bind' ? [mount.propagation] : []))
  if (asked.some(propagation => propagation.endsWith('shared'))) return 'rshared'
  return asked.some(propagation => propagation.endsWith('slave')) ? 'rslave' : 'rprivate'
}

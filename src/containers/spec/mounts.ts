/** From a container's mounts to those of its specification, the daemon's own three files among them. */

import type { IdMap } from '../../kernel/namespaces.ts'
import type { MountSpec, Propagation } from '../../runtime/spec.ts'
import type { LiveContainer } from '../live.ts'
import type { ContainerPaths } from '../store/files.ts'
import type { ContainerMount } from '../store/record.ts'
import type { MountSources } from './sources.ts'
import { mapTmpfsOptions } from './user-namespace.ts'

/** @throws InvalidParameter `bind source path does not exist: x`, NotFound (a volume that was removed) */
export async function chooseMounts(
  { config }: LiveContainer,
  files: Pick<ContainerPaths, 'hostname' | 'hosts' | 'resolvConf'>,
  sources: MountSources,
  map: IdMap | undefined,
): Promise<MountSpec[]> {
  const own = config.mounts.map(mount => toSpec(mount, sources, map))
  const taken = new Set(config.mounts.map(({ destination }) => destination))
  const etc = [
    ['/etc/resolv.conf', files.resolvConf],
    ['/etc/hostname', files.hostname],
    ['/etc/hosts', files.hosts],
  ] as const
  const daemons = etc
    .filter(([target]) => !taken.has(target))
    .map(([target, path]) => file(path, target, config.hostConfig.readonlyRootfs))
  return [...daemons, ...(await Promise.all(own))]
}

/** Of a read-only root they are read-only, too. */
const file = (source: string, target: string, readonly: boolean): MountSpec => ({
  kind: 'bind',
  source,
  target,
  readonly,
  recursive: false,
  propagation: 'rprivate',
  sourceKind: 'file',
  idmapped: true,
})

async function toSpec(mount: ContainerMount, sources: MountSources, map: IdMap | undefined): Promise<MountSpec> {
  const { destination: target, propagation, recursive, rw } = mount
  if (mount.type === 'tmpfs') return { kind: 'tmpfs', target, options: mapTmpfsOptions(mount.tmpfsOptions, map) }
  return {
    kind: 'bind',
    ...(mount.type === 'volume' ? await sources.volume(mount) : await sources.bind(mount)),
    target,
    readonly: !rw,
    recursive,
    readonlyNonRecursive: mount.readonlyNonRecursive,
    propagation: (propagation || 'rprivate') as Propagation,
    // A folder of the host keeps the host's ids, as Docker has it.
    idmapped: mount.type === 'volume',
  }
}

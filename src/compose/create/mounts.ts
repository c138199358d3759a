/** The file systems of a container: volumes, folders of this machine, memory, and the files of secrets and configs. */

import type { Project, Service } from '../project.ts'
import { type FileObject, type FileReference, targetOf } from '../schema/files.ts'
import type { MountConfig } from '../schema/mounts.ts'
import { CONFIGS_FOLDER, SECRETS_FOLDER } from '../schema/service.ts'

/** An anonymous volume that goes over to the next container. */
export interface InheritedVolume {
  readonly name: string
  readonly target: string
}

interface HostMounts {
  Binds: string[]
  Mounts: object[]
  Tmpfs?: Record<string, string>
}

export function mountsOf(project: Project, service: Service, inherited: readonly InheritedVolume[]): HostMounts {
  const result: HostMounts = { Binds: [], Mounts: [] }
  for (const mount of service.volumes ?? []) {
    const bind = bindText(mount)
    if (bind) result.Binds.push(bind)
    else result.Mounts.push(apiMount(project, mount, inherited))
  }
  const declared = new Set((service.volumes ?? []).map(({ target }) => target))
  // Those that the image declares.
  for (const { name, target } of inherited)
    if (!declared.has(target)) result.Mounts.push({ Type: 'volume', Source: name, Target: target })
  for (const { object, reference, folder } of filesOf(project, service))
    if (isMounted(object, reference))
      result.Mounts.push({ Type: 'bind', Source: object.file, Target: targetOf(reference, folder), ReadOnly: true })
  const tmpfs = (service.tmpfs ?? []).map((written): [string, string] => {
    const [path = '', ...options] = written.split(':')
    return [path, options.join(':')]
  })
  return { ...result, ...(tmpfs.length > 0 && { Tmpfs: Object.fromEntries(tmpfs) }) }
}

/** The older form, which alone makes a folder that is missing and knows z and Z. */
function bindText({ type, source, target, read_only, bind = {} }: MountConfig): string | undefined {
  if (type !== 'bind' || !bind.create_host_path || bind.recursive || source?.includes(':') || target.includes(':'))
    return undefined
  const modes = [read_only ? 'ro' : 'rw', bind.selinux, bind.propagation].filter(mode => mode !== undefined)
  return `${source}:${target}:${modes.join(',')}`
}

function apiMount(project: Project, mount: MountConfig, inherited: readonly InheritedVolume[]): object {
  const { type, source, target, read_only, bind, volume, tmpfs } = mount
  const base = { Type: type, Target: target, ...(read_only && { ReadOnly: true }) }
  if (type === 'bind')
    return {
      ...base,
      Source: source,
      BindOptions: {
        ...(bind?.propagation && { Propagation: bind.propagation }),
        ...(bind?.create_host_path && { CreateMountpoint: true }),
        ...(bind?.recursive === 'disabled' && { NonRecursive: true }),
        ...(bind?.recursive === 'writable' && { ReadOnlyNonRecursive: true }),
        ...(bind?.recursive === 'readonly' && { ReadOnlyForceRecursive: true }),
      },
    }
  if (type === 'tmpfs')
    return {
      ...base,
      TmpfsOptions: {
        ...(tmpfs?.size !== undefined && { SizeBytes: tmpfs.size }),
        ...(tmpfs?.mode !== undefined && { Mode: tmpfs.mode }),
      },
    }
  const name = source ? project.volumes[source]?.name : inherited.find(item => item.target === target)?.name
  const options = {
    ...(volume?.nocopy && { NoCopy: true }),
    ...(volume?.subpath && { Subpath: volume.subpath }),
    ...(volume?.labels && { Labels: volume.labels }),
  }
  return { ...base, ...(name && { Source: name }), ...(Object.keys(options).length > 0 && { VolumeOptions: options }) }
}

export interface FileUse {
  readonly object: FileObject
  readonly reference: FileReference
  readonly folder: string
}

export const filesOf = (project: Project, service: Service): FileUse[] => [
  ...uses(service.secrets, project.secrets, SECRETS_FOLDER),
  ...uses(service.configs, project.configs, CONFIGS_FOLDER),
]

const uses = (
  references: readonly FileReference[] = [],
  objects: Readonly<Record<string, FileObject>>,
  folder: string,
): FileUse[] =>
  references.flatMap(reference => {
    const object = objects[reference.source]
    return object ? [{ object, reference, folder }] : []
  })

/** A file with its own owner and mode is mounted; one that must look otherwise, or is no file here, is copied in. */
export const isMounted = ({ file }: FileObject, { uid, gid, mode }: FileReference): boolean =>
  file !== undefined && uid === undefined && gid === undefined && mode === undefined

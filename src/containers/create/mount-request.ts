/** `--mount type=…`: checked with Docker's words, and turned into a mount. */

import { stat } from 'node:fs/promises'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { checkTarget } from '../spec/tmpfs.ts'
import type { ContainerMount } from '../store/record.ts'
import type { MountRequest } from '../types.ts'
import { cleanPath, isPropagation, PLAIN_MOUNT } from './bind-spec.ts'

/** @throws InvalidParameter */
export async function mountOf(request: MountRequest): Promise<ContainerMount> {
  const { type } = request
  const invalid = (message: string): InvalidParameter =>
    new InvalidParameter(`invalid mount config for type "${type}": ${message}`)
  if (request.target === '') throw invalid('field Target must not be empty')
  try {
    checkTarget(request.target)
    switch (type) {
      case 'bind':
        return await bindMount(request)
      case 'volume':
        return volumeMount(request)
      case 'tmpfs':
        return tmpfsMount(request)
      default:
        throw new InvalidParameter('mount type unknown')
    }
  } catch (error) {
    if (error instanceof InvalidParameter) throw invalid(error.message)
    throw error
  }
}

async function bindMount({ source, target, readonly, bind, volume, tmpfs }: MountRequest): Promise<ContainerMount> {
  if (source === '') throw new InvalidParameter('field Source must not be empty')
  refuse({ VolumeOptions: volume, TmpfsOptions: tmpfs })
  if (!source.startsWith('/')) {
    throw new InvalidParameter(`invalid mount path: '${source}' mount path must be absolute`)
  }
  const propagation = bind?.propagation ?? ''
  if (propagation !== '' && !isPropagation(propagation)) {
    throw new InvalidParameter(`invalid propagation mode: ${propagation}`)
  }
  if (bind?.readonlyForceRecursive && (!readonly || !['private', 'rprivate'].includes(propagation))) {
    throw new InvalidParameter('mount source must be read-only and private to be recursively read-only')
  }
  const createSource = bind?.createMountpoint ?? false
  if (!createSource && !(await exists(source))) {
    throw new InvalidParameter(`bind source path does not exist: ${source}`)
  }
  return {
    ...PLAIN_MOUNT,
    type: 'bind',
    source: cleanPath(source),
    destination: cleanPath(target),
    rw: !readonly,
    propagation: propagation || 'rprivate',
    createSource,
    recursive: !(bind?.nonRecursive ?? false),
    readonlyNonRecursive: bind?.readonlyNonRecursive ?? false,
  }
}

function volumeMount({ source, target, readonly, bind, volume, tmpfs }: MountRequest): ContainerMount {
  refuse({ BindOptions: bind, TmpfsOptions: tmpfs })
  if (source === '' && readonly) {
    throw new InvalidParameter('must not set ReadOnly mode when using anonymous volumes')
  }
  return {
    ...PLAIN_MOUNT,
    type: 'volume',
    name: source,
    destination: cleanPath(target),
    driver: volume?.driver?.name ?? '',
    mode: 'z',
    rw: !readonly,
    copyUp: !(volume?.noCopy ?? false),
    subpath: volume?.subpath ?? '',
  }
}

function tmpfsMount({ source, target, readonly, bind, volume, tmpfs }: MountRequest): ContainerMount {
  if (source !== '') throw new InvalidParameter('field Source must not be specified')
  refuse({ BindOptions: bind, VolumeOptions: volume })
  const options = ['noexec', 'nosuid', 'nodev']
  if (readonly) options.push('ro')
  for (const option of tmpfs?.options ?? []) options.push(option.join('='))
  // Docker's own tmpfs mode: a sticky folder that everybody may write to.
  if (tmpfs?.mode) options.push(`mode=${tmpfs.mode.toString(8)}`)
  if (tmpfs?.sizeBytes) options.push(`size=${tmpfs.sizeBytes}`)
  return { ...PLAIN_MOUNT, type: 'tmpfs', destination: cleanPath(target), rw: !readonly, tmpfsOptions: options }
}

function refuse(fields: Record<string, object | undefined>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) throw new InvalidParameter(`field ${name} must not be specified`)
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}

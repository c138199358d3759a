/**
 * What every container finds whatever its image is: /dev, /proc, /sys. Sources: the OCI runtime specification, config-linux.md,
 * "Default Filesystems" and "Default Devices"; sizes and modes are Docker's.
 */

import { call } from '../../program/calls.ts'
import { MOUNT_ATTR } from '../../program/flags.ts'
import { inRoot, word } from '../../program/shell.ts'
import type { Slot, Step } from '../../program/step.ts'
import type { MountSpec } from '../spec.ts'
import { cloneTree } from './binds.ts'
import { type ContainerContext, devIsForeign, isReplaced } from './context.ts'
import { attach, attachAt, type Filesystem, makeFilesystem } from './filesystem.ts'
import { parseMountOptions } from './mount-options.ts'
import { makeFolder, openTarget } from './targets.ts'
import { hostGid } from './user-namespace.ts'

/** No set-user-ID, no devices, no programs. */
export const LOCKED_DOWN = ['MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NODEV', 'MOUNT_ATTR_NOEXEC'] as const
const DEV_BYTES = '65536k'
/** The group `tty` of every distribution: write(1) and wall(1) rely on it. */
const TTY_GID = 5

/** The standard file system of a place, or the one that the user asked for there. */
function chosen({ spec }: ContainerContext, target: string, standard: Filesystem): Filesystem | null {
  const own = spec.mounts.find(mount => mount.target === target)
  if (!own) return standard
  return own.kind === 'bind' ? null : filesystemOf(own)
}

export function filesystemOf(mount: MountSpec & { kind: 'tmpfs' | 'filesystem' }): Filesystem {
  const { attributes, data } = parseMountOptions(mount.options)
  const fstype = mount.kind === 'tmpfs' ? 'tmpfs' : mount.fstype
  return { fstype, source: mount.kind === 'tmpfs' ? 'tmpfs' : mount.source, options: data, attributes }
}

/** A kernel file system on a folder of the image that may not be a symlink: what follows relies on its being there. */
function place(context: ContainerContext, name: string, target: string, standard: Filesystem, why: string): Step[] {
  const { slots, root, placed } = context
  const filesystem = chosen(context, target, standard)
  if (!filesystem) return []
  const mount = slots.named(name)
  const spot = slots.named('target')
  placed.set(target, mount)
  return [
    ...makeFilesystem(slots, mount, filesystem, why),
    ...openTarget(slots, root, target, spot, { kind: 'folder', unredirected: true }),
    { ...attach(mount, spot, target), shell: shellMount(filesystem, target) },
  ]
}

export const placeProc = (context: ContainerContext): Step[] =>
  place(
    context,
    'proc',
    '/proc',
    { fstype: 'proc', source: 'proc', attributes: MOUNT_ATTR(...LOCKED_DOWN) },
    'of the PID namespace that this process is in: it shows no other processes',
  )

export function placeSys(context: ContainerContext): Step[] {
  const attributes = context.spec.privileged
    ? MOUNT_ATTR(...LOCKED_DOWN)
    : MOUNT_ATTR('MOUNT_ATTR_RDONLY', ...LOCKED_DOWN)
  return place(
    context,
    'sys',
    '/sys',
    // Of the first container in a network namespace the file system itself is made read-only too, as mount(8) does.
    { fstype: 'sysfs', source: 'sysfs', attributes, ...(context.spec.privileged ? {} : { options: [['ro']] }) },
    'of the network namespace that this process is in',
  )
}

/** /dev and the file systems in it. Nothing in it comes from the image. */
export function placeDev(context: ContainerContext): Step[] {
  const standard: Filesystem = {
    fstype: 'tmpfs',
    source: 'tmpfs',
    options: [
      ['mode', '755'],
      ['size', DEV_BYTES],
    ],
    attributes: MOUNT_ATTR('MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_STRICTATIME'),
  }
  if (devIsForeign(context.spec)) return []
  return [
    ...place(context, 'dev', '/dev', standard, "not the host's devtmpfs: only what is put into it"),
    ...placeInDev(context, 'pts', devpts(hostGid(context.spec.userNamespace?.map, TTY_GID))),
    ...placeShm(context),
    ...placeInDev(context, 'mqueue', {
      fstype: 'mqueue',
      source: 'mqueue',
      attributes: MOUNT_ATTR(...LOCKED_DOWN),
    }),
  ]
}

/** Since Linux 4.7 each is an instance of its own: its terminals are not the host's. Kernel: filesystems/devpts.rst */
const devpts = (gid: number): Filesystem => ({
  fstype: 'devpts',
  source: 'devpts',
  options: [['newinstance'], ['ptmxmode', '0666'], ['mode', '0620'], ['gid', String(gid)]],
  attributes: MOUNT_ATTR('MOUNT_ATTR_NOSUID', 'MOUNT_ATTR_NOEXEC'),
})

function placeInDev(context: ContainerContext, name: string, standard: Filesystem): Step[] {
  const target = `/dev/${name}`
  const filesystem = chosen(context, target, standard)
  if (!filesystem) return []
  const mount = context.slots.named(name)
  context.placed.set(target, mount)
  return [
    ...makeFilesystem(context.slots, mount, filesystem, target),
    ...attachInDev(context, mount, name, shellMount(filesystem, target)),
  ]
}

function attachInDev(context: ContainerContext, mount: Slot, name: string, shell: string): Step[] {
  const dev = context.placed.get('/dev')!
  return [
    makeFolder(dev, name, `/dev/${name}`, `where /dev/${name} shall be`),
    { ...attachAt(mount, dev, name, `/dev/${name}`), shell },
  ]
}

/** Shared memory goes with the IPC namespace: whoever shares the one shares the other. */
function placeShm(context: ContainerContext): Step[] {
  const { spec, slots } = context
  if (spec.shmBytes === 0 && !isReplaced(spec, '/dev/shm')) return []
  if (isReplaced(spec, '/dev/shm') || !sharesShm(context)) {
    return placeInDev(context, 'shm', {
      fstype: 'tmpfs',
      source: 'shm',
      options: [
        ['mode', '1777'],
        ['size', String(spec.shmBytes)],
      ],
      attributes: MOUNT_ATTR(...LOCKED_DOWN),
    })
  }
  return attachInDev(context, slots.named('shm'), 'shm', `mount --rbind /dev/shm ${inRoot('/dev/shm')}`)
}

const sharesShm = ({ spec }: ContainerContext): boolean => spec.shmOf !== null || spec.namespaces.ipc.kind === 'host'

/** Opens the /dev/shm of the host; that of another container is fetched by gatherShmOf. */
export function gatherShm(context: ContainerContext): Step[] {
  const { spec, slots } = context
  if (
    spec.shmBytes === 0 ||
    isReplaced(spec, '/dev/shm') ||
    devIsForeign(spec) ||
    spec.shmOf !== null ||
    !sharesShm(context)
  )
    return []
  return [
    cloneTree('/dev/shm', slots.named('shm'), true, "shared memory goes with the IPC namespace: it is the host's"),
  ]
}

export const standardLinks = (dev: Slot): Step[] =>
  Object.entries({
    fd: '/proc/self/fd',
    stdin: '/proc/self/fd/0',
    stdout: '/proc/self/fd/1',
    stderr: '/proc/self/fd/2',
    ptmx: 'pts/ptmx',
  }).map(([name, target]) => ({
    ...call.symlinkat({ target, newdirfd: dev, linkpath: name }),
    // A device of that name which the user asked for stays.
    tolerate: ['EEXIST'],
    why: `/dev/${name}`,
    shell: `ln -s ${target} ${inRoot(`/dev/${name}`)}`,
  }))

export function shellMount({ fstype, source, options = [], attributes }: Filesystem, target: string): string {
  const flags = attributes.shown === '0' ? [] : attributes.shown.split('|').map(name => SHELL_NAMES[name] ?? '')
  const all = [...flags, ...options.map(([key, value]) => (value === undefined ? key : `${key}=${value}`))]
  return `mount -t ${fstype}${all.length > 0 ? ` -o ${word(all.join(','))}` : ''} ${word(source)} ${inRoot(target)}`
}

const SHELL_NAMES: Record<string, string> = {
  MOUNT_ATTR_RDONLY: 'ro',
  MOUNT_ATTR_NOSUID: 'nosuid',
  MOUNT_ATTR_NODEV: 'nodev',
  MOUNT_ATTR_NOEXEC: 'noexec',
  MOUNT_ATTR_NOATIME: 'noatime',
  MOUNT_ATTR_STRICTATIME: 'strictatime',
  MOUNT_ATTR_NODIRATIME: 'nodiratime',
  MOUNT_ATTR_NOSYMFOLLOW: 'nosymfollow',
}

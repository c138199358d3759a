/**
 * What the container sees at /sys/fs/cgroup. Version 2: its own group as the root of the one tree. Version 1: a folder with a
 * bind of its group for each hierarchy, as Docker has it. Kernel: cgroup-v2.rst, "Namespace".
 */

import type { CgroupFolder } from '../../cgroups/types.ts'
import { call } from '../../program/calls.ts'
import { MOUNT_ATTR, MS } from '../../program/flags.ts'
import { inRoot, word } from '../../program/shell.ts'
import type { Slot, Step } from '../../program/step.ts'
import { cloneTree } from './binds.ts'
import { type ContainerContext, isReplaced } from './context.ts'
import { attach, attachAt, type Filesystem, makeFilesystem } from './filesystem.ts'
import { LOCKED_DOWN, shellMount } from './furniture.ts'
import { setAttributes } from './root.ts'
import { makeFolder, openTarget } from './targets.ts'

const TARGET = '/sys/fs/cgroup'

const attributes = (readonly: boolean) =>
  readonly ? MOUNT_ATTR('MOUNT_ATTR_RDONLY', ...LOCKED_DOWN) : MOUNT_ATTR(...LOCKED_DOWN)

const legacyFolders = ({ spec }: ContainerContext): CgroupFolder[] =>
  spec.cgroupView.folders.filter(folder => folder.version === 1)

/** `cpu,cpuacct` or, of a hierarchy without controllers, its name: `systemd`. */
const nameOf = (folder: CgroupFolder): string => folder.label.replace(/^.*:/, '').replace(/^name=/, '')

const treeOf = ({ slots }: ContainerContext, folder: CgroupFolder): Slot => slots.named(`cgroup ${nameOf(folder)}`)

export function gatherCgroupView(context: ContainerContext): Step[] {
  if (isReplaced(context.spec, TARGET)) return []
  return legacyFolders(context).flatMap(folder => {
    const tree = treeOf(context, folder)
    return [
      cloneTree(folder.path, tree, false, `the container's group in the hierarchy ${nameOf(folder)}`),
      {
        ...setAttributes(
          tree,
          { set: attributes(context.spec.cgroupView.readonly), propagation: MS('MS_PRIVATE') },
          false,
        ),
        why: context.spec.cgroupView.readonly
          ? 'to be read, not to be changed: CVE-2022-0492'
          : 'its own limits may be changed',
      },
    ]
  })
}

export function placeCgroupView(context: ContainerContext): Step[] {
  const { spec, slots } = context
  if (isReplaced(spec, TARGET) || spec.cgroupView.folders.length === 0) return []
  const legacy = legacyFolders(context)
  const view = slots.named('cgroup')
  if (legacy.length === 0) {
    const filesystem = { fstype: 'cgroup2', source: 'cgroup', attributes: attributes(spec.cgroupView.readonly) }
    return [
      ...makeFilesystem(
        slots,
        view,
        filesystem,
        'in a cgroup namespace of its own the container sees its group as the root',
      ),
      ...putInSys(context, view, filesystem),
    ]
  }
  const folder = {
    fstype: 'tmpfs',
    source: 'tmpfs',
    options: [['mode', '755']] as const,
    attributes: MOUNT_ATTR(...LOCKED_DOWN),
  }
  return [
    ...makeFilesystem(slots, view, folder, 'a folder for the hierarchies'),
    ...putInSys(context, view, folder),
    ...legacy.flatMap(hierarchy => placeHierarchy(context, view, hierarchy)),
  ]
}

/** Inside our own sysfs, which has the folder; inside a user's, as any target. */
function putInSys({ slots, root, placed }: ContainerContext, view: Slot, filesystem: Filesystem): Step[] {
  const shell = shellMount(filesystem, TARGET)
  const sys = placed.get('/sys')
  if (sys && sys.name === 'sys') return [{ ...attachAt(view, sys, 'fs/cgroup', TARGET), shell }]
  const target = slots.named('target')
  return [...openTarget(slots, root, TARGET, target, { kind: 'folder' }), { ...attach(view, target, TARGET), shell }]
}

function placeHierarchy(context: ContainerContext, view: Slot, folder: CgroupFolder): Step[] {
  const name = nameOf(folder)
  const controllers = name.split(',')
  return [
    makeFolder(view, name, `${TARGET}/${name}`, `the hierarchy ${name}`),
    {
      ...attachAt(treeOf(context, folder), view, name, `${TARGET}/${name}`),
      shell: bindShell(folder.path, `${TARGET}/${name}`, context.spec.cgroupView.readonly),
    },
    ...(controllers.length < 2 ? [] : controllers).map(controller => ({
      ...call.symlinkat({ target: name, newdirfd: view, linkpath: controller }),
      why: 'controllers that share a hierarchy are found by each name',
      shell: `ln -s ${word(name)} ${inRoot(`${TARGET}/${controller}`)}`,
    })),
  ]
}

/** A bind mount keeps no options of the mount that it is made from. */
const bindShell = (source: string, target: string, readonly: boolean): string =>
  `mount --bind ${word(source)} ${inRoot(target)}\nmount -o remount,bind,nosuid,nodev,noexec${readonly ? ',ro' : ''} ${inRoot(target)}`

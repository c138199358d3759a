/**
 * From a container's specification to the program of its first process. Reading order is execution order: gather what is
 * needed of the host, move into the container's root, furnish it, lock the process up, and become the command.
 */

import { buildProgram, inAct, Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { CLONE } from '../../program/flags.ts'
import type { Program, Slot, Step } from '../../program/step.ts'
import type { ContainerSpec, MountSpec } from '../spec.ts'
import { attachBind, type BindSpec, checkTarget, gatherBind, passTree } from './binds.ts'
import { gatherCgroupView, placeCgroupView } from './cgroup-view.ts'
import { enterWorkingFolder, execute, loadFilter, makeWorkingFolder } from './command.ts'
import { type ContainerContext, entersCwdAsRoot, type HostFacts, type Streams } from './context.ts'
import { gatherDevices, holdNull, placeDevices, placeOtherDevices } from './devices.ts'
import {
  adjustOomScore,
  cloneFlags,
  enterNamespaces,
  hide,
  joinCgroup,
  joinKeyring,
  passedName,
  plainModes,
} from './entry.ts'
import { attach, makeFilesystem } from './filesystem.ts'
import { filesystemOf, gatherShm, placeDev, placeProc, placeSys, shellMount, standardLinks } from './furniture.ts'
import {
  becomeUser,
  dropBounding,
  giveUpNewPrivileges,
  limitResources,
  lockCapabilities,
  raiseForSeccomp,
} from './identity.ts'
import { gatherMasks, maskPaths, protectPaths } from './masks.ts'
import { enterRoot, finishRoot, makePrivate, mountRoot } from './root.ts'
import { gatherShmOf } from './shared-memory.ts'
import { writeSysctls } from './sysctls.ts'
import { nameHost, raiseLoopback } from './system.ts'
import { openTarget } from './targets.ts'
import { connectStreams, openTerminal, placeConsole } from './terminal.ts'
import { actAsContainersRoot, enterUserNamespace, hostUid, passUserNamespace } from './user-namespace.ts'

/** What the shim needs to know to make the process. */
export interface Compiled {
  /** CLONE_NEW* of the new process. */
  cloneFlags: number
  /** Runs in the shim before it clones; null: nothing to do. */
  before: Program | null
  program: Program
  /** Descriptors of the daemon that the programs use, in the order of their slots. */
  passedFds: number[]
}

const INIT_TARGET = '/sbin/docker-init'

/** The last act of a container's program. @throws InvalidParameter */
export const becomeCommand = (spec: ContainerSpec): Step[] => inAct('exec', execute(withInit(spec).process))

/** @throws InvalidParameter for a specification that cannot be carried out */
export function compileContainer(given: ContainerSpec, streams: Streams, facts: HostFacts): Compiled {
  const spec = withInit(given)
  const slots = new Slots()
  const passed = passDescriptors(spec, slots)
  const context: ContainerContext = { spec, slots, facts, streams, root: slots.named('/'), placed: new Map() }
  const steps = [
    ...inAct('gather', gather(context)),
    ...inAct('move', [
      makePrivate(),
      ...actAsContainersRoot(spec.userNamespace?.map),
      ...mountRoot(context),
      ...enterRoot(context),
    ]),
    ...inAct('furnish', furnish(context)),
    ...inAct('lock', lock(slots, context.root, spec, facts, enterOwn(context))),
    ...becomeCommand(given),
  ]
  return {
    cloneFlags: Number(cloneFlags(spec.namespaces).value),
    before: passed.pid ? beforeClone(passed.pid, slots) : null,
    program: buildProgram(steps, slots),
    passedFds: slots.passedFds,
  }
}

/** skiff's init is a bind mount and the first word of the command. */
function withInit(spec: ContainerSpec): ContainerSpec {
  if (spec.initPath === null) return spec
  const init: MountSpec = {
    kind: 'bind',
    source: spec.initPath,
    target: INIT_TARGET,
    readonly: true,
    recursive: false,
    propagation: 'rprivate',
  }
  const argv = [INIT_TARGET, '--', ...spec.process.argv]
  return { ...spec, mounts: [...spec.mounts, init], process: { ...spec.process, argv } }
}

/** Slots of what the daemon passes come first, in one order for both programs. */
function passDescriptors(spec: ContainerSpec, slots: Slots): { pid: Slot | null } {
  const { pid, ...others } = spec.namespaces
  const pidSlot = pid.kind === 'fd' ? slots.passed(pid.fd, passedName('pid', pid)) : null
  for (const [kind, source] of Object.entries(others)) {
    if (source.kind === 'fd') slots.passed(source.fd, passedName(kind as keyof typeof others, source))
  }
  if (spec.shmOf !== null) slots.passed(spec.shmOf, 'shm_owner')
  passUserNamespace(slots, spec.userNamespace)
  for (const mount of spec.mounts) if (mount.kind === 'bind') passTree(slots, mount)
  return { pid: pidSlot }
}

/** A process cannot change its own PID namespace, only that of the children to come. */
export function beforeClone(pid: Slot, slots: Slots): Program {
  const steps: Step[] = [
    hide(),
    {
      ...call.setns({ fd: pid, nstype: CLONE('CLONE_NEWPID') }),
      why: 'the process to come is born in this PID namespace',
    },
  ]
  return { steps, slotCount: slots.count }
}

const byKind = (mounts: readonly MountSpec[]): BindSpec[] => mounts.filter(mount => mount.kind === 'bind')

const gather = (context: ContainerContext): Step[] => {
  const { spec, slots } = context
  return [
    hide(),
    plainModes(),
    ...joinCgroup(slots, spec.cgroup),
    ...enterNamespaces(slots, spec.namespaces),
    ...adjustOomScore(slots, spec.process.oomScoreAdj),
    ...joinKeyring(slots, spec.id),
    ...byKind(spec.mounts).flatMap(bind => gatherBind(context, bind)),
    ...gatherCgroupView(context),
    ...gatherShm(context),
    ...gatherShmOf(context),
    ...gatherDevices(context),
    ...gatherMasks(context),
  ]
}

const IN_KERNEL_FILESYSTEMS = /^\/(proc|sys)(\/|$)/

/**
 * The user's mounts come before /proc and /sys: whatever symlink of the image a target goes through, it cannot
 * end in them, and what an image has at their place is covered (CVE-2023-27561).
 */
const furnish = (context: ContainerContext): Step[] => {
  const { spec, slots, root } = context
  const inKernel = spec.mounts.filter(mount => IN_KERNEL_FILESYSTEMS.test(mount.target))
  const ordinary = spec.mounts.filter(mount => !inKernel.includes(mount))
  return [
    ...ordinary.filter(mount => mount.target === '/dev').flatMap(mount => placeMount(context, mount)),
    ...placeDev(context),
    ...placeDevices(context),
    ...holdNull(context),
    ...linkDev(context),
    ...openTerminal(context),
    ...placeConsole(context),
    ...ordinary.filter(mount => mount.target !== '/dev').flatMap(mount => placeMount(context, mount)),
    ...placeOtherDevices(context),
    ...inKernel.filter(isWhole).flatMap(mount => placeMount(context, mount)),
    ...placeProc(context),
    ...placeSys(context),
    ...placeCgroupView(context),
    ...inKernel.filter(mount => !isWhole(mount)).flatMap(mount => placeMount(context, mount)),
    ...raiseLoopback(context),
    ...nameHost(context),
    ...writeSysctls(context),
    ...protectPaths(context),
    ...maskPaths(context),
    ...makeWorkingFolder(slots, root, spec.process),
    ...finishRoot(context),
    ...(entersCwdAsRoot(spec.process, context.facts) ? enterWorkingFolder(slots, root, spec.process) : []),
    ...connectStreams(slots, spec.process, context.streams, hostUid(spec.userNamespace?.map, spec.process.uid)),
  ]
}

const isWhole = ({ target }: MountSpec): boolean => target === '/proc' || target === '/sys'

const linkDev = ({ placed }: ContainerContext): Step[] => {
  const dev = placed.get('/dev')
  return dev?.name === 'dev' ? standardLinks(dev) : []
}

/** Targets that the furniture serves itself, with the user's options. */
const FURNITURE = new Set(['/dev', '/dev/pts', '/dev/shm', '/dev/mqueue', '/proc', '/sys'])

function placeMount(context: ContainerContext, mount: MountSpec): Step[] {
  checkTarget(context.facts, mount)
  if (mount.kind === 'bind') return attachBind(context, mount)
  if (FURNITURE.has(mount.target)) return []
  const { slots, root } = context
  const filesystem = filesystemOf(mount)
  const made = slots.named('mount')
  const target = slots.named('target')
  return [
    ...makeFilesystem(slots, made, filesystem, `for ${mount.target}`),
    ...openTarget(slots, root, mount.target, target, { kind: 'folder' }),
    { ...attach(made, target, mount.target), shell: shellMount(filesystem, mount.target) },
  ]
}

const enterOwn = ({ slots, root, spec }: ContainerContext): Step[] =>
  enterUserNamespace(root, passUserNamespace(slots, spec.userNamespace), spec.namespaces)

/** Shared with further processes of the container. `enter`: into the user namespace. */
export const lock = (
  slots: Slots,
  root: Slot,
  { process, seccomp }: Pick<ContainerSpec, 'process' | 'seccomp'>,
  facts: HostFacts,
  enter: readonly Step[],
): Step[] => [
  // Only the host's root may raise a limit.
  ...limitResources(process),
  // It gives all capabilities in the namespace: those that are not to stay are taken away after it.
  ...enter,
  ...dropBounding(process, facts.lastCapability),
  ...becomeUser(process),
  ...(entersCwdAsRoot(process, facts) ? [] : enterWorkingFolder(slots, root, process)),
  ...giveUpNewPrivileges(process),
  ...(seccomp ? [...raiseForSeccomp(process), ...loadFilter(seccomp)] : []),
  ...lockCapabilities(process),
]

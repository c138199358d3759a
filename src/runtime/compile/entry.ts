/** The first steps of a new process: hidden from its neighbours-to-be, in its cgroup, namespaces and keyring. */

import type { CgroupJoin } from '../../cgroups/types.ts'
import type { Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { AT_FDCWD, CLONE, type CloneFlag, hex, KEYCTL, O, octal, PR } from '../../program/flags.ts'
import { word } from '../../program/shell.ts'
import type { Flags, Slot, Step } from '../../program/step.ts'
import type { NamespaceSource, Namespaces } from '../spec.ts'

/**
 * Until its exec the process holds things of the host. A process of the container that shares its PID namespace may not look
 * into it: CVE-2016-9962. The exec makes it dumpable again.
 */
export const hide = (): Step => ({
  ...call.prctl({ op: PR('PR_SET_DUMPABLE'), arg2: 0 }),
  why: 'no process of the container may trace this one or read its /proc entry: CVE-2016-9962',
})

export const plainModes = (): Step => ({
  ...call.umask({ mask: octal(0) }),
  why: 'modes given below are meant as they stand',
  shell: 'umask 0',
})

/** v1: by the process itself, before anything that could use memory or make a process is not accounted. v2: clone3 did it. */
export function joinCgroup(slots: Slots, join: CgroupJoin): Step[] {
  return join.tasksFiles.flatMap((file): Step[] => {
    const tasks = slots.named('tasks')
    return [
      {
        ...call.openat({ dirfd: AT_FDCWD, pathname: file, flags: O('O_WRONLY', 'O_CLOEXEC') }),
        result: tasks,
        why: 'the cgroup, by its tasks file',
        man: 'cgroups(7)',
      },
      {
        ...call.write({ fd: tasks, buf: '0', count: 1 }),
        why: '0 is the process that writes: it enters the cgroup',
        man: 'cgroups(7)',
        shell: `echo 0 >${word(file)}`,
      },
    ]
  })
}

/** Through the host's /proc, while it is there: what an image has at /proc can never be written to by mistake (CVE-2025-52881). */
export function adjustOomScore(slots: Slots, score: number | undefined): Step[] {
  if (score === undefined) return []
  const file = slots.named('oom_score_adj')
  const text = String(score)
  return [
    {
      ...call.openat({ dirfd: AT_FDCWD, pathname: '/proc/self/oom_score_adj', flags: O('O_WRONLY', 'O_CLOEXEC') }),
      result: file,
      why: 'how early the kernel kills this process when memory is short',
      man: 'proc_pid_oom_score_adj(5)',
    },
    {
      ...call.write({ fd: file, buf: text, count: text.length }),
      why: `the score is ${text}`,
      man: 'proc_pid_oom_score_adj(5)',
      // 0 is what everyone has who did not ask. Coming down to it from the daemon's own score takes CAP_SYS_RESOURCE.
      ...(score === 0 && { tolerate: ['EACCES'] }),
      shell: `echo ${text} >/proc/self/oom_score_adj`,
    },
  ]
}

const keyringName = (containerId: string): string => `_ses.${containerId}`

/** KEY_POS_ALL and, for the user: view, read, search, link. Search lets an exec of the same container join by name. */
const KEYRING_PERMISSIONS = 0x3f1b0000

/** A session keyring of its own: else the container would have the daemon's keys. */
export function joinKeyring(slots: Slots, containerId: string): Step[] {
  const keyring = slots.named('keyring')
  return [
    {
      ...call.keyctl({ operation: KEYCTL('KEYCTL_JOIN_SESSION_KEYRING'), arg2: keyringName(containerId) }),
      result: keyring,
      tolerate: ['ENOSYS'],
      why: "a keyring of its own, or the container would hold the daemon's keys",
      man: 'keyctl_join_session_keyring(3)',
    },
    {
      ...call.keyctl({ operation: KEYCTL('KEYCTL_SETPERM'), arg2: keyring, arg3: hex(KEYRING_PERMISSIONS) }),
      tolerate: ['ENOSYS'],
      why: 'further processes of the container find it by its name',
      man: 'keyctl_setperm(3)',
    },
  ]
}

const KINDS: Record<keyof Namespaces, CloneFlag> = {
  pid: 'CLONE_NEWPID',
  network: 'CLONE_NEWNET',
  ipc: 'CLONE_NEWIPC',
  uts: 'CLONE_NEWUTS',
  cgroup: 'CLONE_NEWCGROUP',
}

/** What the process is born into. Its cgroup namespace comes later: it must have entered its cgroup first. */
export function cloneFlags(namespaces: Namespaces): Flags {
  const fresh = Object.entries(KINDS) as [keyof Namespaces, CloneFlag][]
  const names = fresh.filter(([kind]) => kind !== 'cgroup' && namespaces[kind].kind === 'new').map(([, flag]) => flag)
  return CLONE('CLONE_NEWNS', ...names)
}

export const passedName = (kind: keyof Namespaces, source: NamespaceSource & { kind: 'fd' }): string =>
  `${kind} of ${source.of}`

/** Joins the namespaces that others made; the PID namespace is joined by the shim (a process cannot change its own). */
export function enterNamespaces(slots: Slots, namespaces: Namespaces): Step[] {
  const joined = (['network', 'ipc', 'uts', 'cgroup'] as const).flatMap((kind): Step[] => {
    const source = namespaces[kind]
    if (source.kind !== 'fd') return []
    const fd: Slot = slots.passed(source.fd, passedName(kind, source))
    return [
      {
        ...call.setns({ fd, nstype: CLONE(KINDS[kind]) }),
        why: `the ${kind} namespace of ${source.of}`,
      },
    ]
  })
  if (namespaces.cgroup.kind !== 'new') return joined
  return [
    ...joined,
    {
      ...call.unshare({ flags: CLONE('CLONE_NEWCGROUP') }),
      why: 'after the cgroup is entered: where the process is now becomes the root that it sees',
    },
  ]
}

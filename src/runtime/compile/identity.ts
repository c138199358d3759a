/**
 * Who the process is: limits, groups, user, capabilities. Groups before the user and capabilities last, since each step takes
 * away what the one before it needs. See credentials(7), capabilities(7).
 */

import { InvalidParameter } from '../../kernel/errors.ts'
import { call } from '../../program/calls.ts'
import { octal, PR, PR_CAP_AMBIENT, RLIMIT, RLIMITS, type RlimitName } from '../../program/flags.ts'
import type { Flags, Step } from '../../program/step.ts'
import { capData, capHeader, gidList, rlimit } from '../../program/syscall-structs.ts'
import { capabilityMask, capabilityName, capabilityNumber } from '../capabilities.ts'
import type { ProcessSpec } from '../spec.ts'

const DEFAULT_UMASK = 0o022

const setpriv = (option: string) => ({ tool: 'setpriv', option }) as const
/** As setpriv(1) writes it. */
const shortName = (name: string): string => name.replace('CAP_', '').toLowerCase()

const capability = (number: number): Flags => ({ kind: 'flags', value: number, shown: capabilityName(number) })

export function limitResources({ rlimits }: ProcessSpec): Step[] {
  return rlimits.map(({ type, soft, hard, required }): Step => {
    if (!(type in RLIMITS)) throw new InvalidParameter(`invalid rlimit type: ${type}`)
    const option = type.replace('RLIMIT_', '').toLowerCase()
    const show = (limit: number): string => (limit === -1 ? 'unlimited' : String(limit))
    return {
      ...call.prlimit64({
        pid: 0,
        resource: RLIMIT(type as RlimitName),
        new_limit: rlimit(soft, hard),
        old_limit: null,
      }),
      // Raising takes CAP_SYS_RESOURCE, which a nested daemon may lack: only what the user asked for is worth a failure.
      ...(!required && { tolerate: ['EPERM'] }),
      why: `${type.replace('RLIMIT_', '')}: ${show(soft)}, up to ${show(hard)}`,
      shell: `prlimit --pid $$ --${option}=${show(soft)}:${show(hard)}`,
    }
  })
}

/** What the process, and whatever it becomes by a set-user-ID program, can have at the most. */
export const dropBounding = ({ capabilities }: ProcessSpec, lastCapability: number): Step[] => {
  const kept = new Set(capabilities.bounding.map(capabilityNumber))
  return Array.from({ length: lastCapability + 1 }, (_, number) => number)
    .filter(number => !kept.has(number))
    .map(number => ({
      ...call.prctl({ op: PR('PR_CAPBSET_DROP'), arg2: capability(number) }),
      why: 'no program run from here on can regain it, be it set-user-ID root',
      man: 'capabilities(7)',
      launcher: setpriv(`--bounding-set=-${shortName(capabilityName(number))}`),
    }))
}

export function becomeUser(process: ProcessSpec): Step[] {
  const { uid, gid, groups, umask = DEFAULT_UMASK } = process
  return [
    {
      ...call.umask({ mask: octal(umask) }),
      why: 'for what the container creates',
      shell: `umask ${octal(umask).shown}`,
    },
    {
      ...call.setgroups({ size: groups.length, list: groups.length > 0 ? gidList(groups) : null }),
      why: groups.length > 0 ? 'supplementary groups, while they may still be set' : "none of the daemon's groups",
      launcher: setpriv(groups.length > 0 ? `--groups=${groups.join(',')}` : '--clear-groups'),
    },
    {
      ...call.setresgid({ rgid: gid, egid: gid, sgid: gid }),
      why: `group ${gid}: real, effective and saved`,
      launcher: setpriv(`--regid=${gid}`),
    },
    // Root keeps them in any case.
    ...(uid === 0 ? [] : [keepCapabilities()]),
    {
      ...call.setresuid({ ruid: uid, euid: uid, suid: uid }),
      why: `user ${uid}: real, effective and saved`,
      launcher: setpriv(`--reuid=${uid}`),
    },
  ]
}

const keepCapabilities = (): Step => ({
  ...call.prctl({ op: PR('PR_SET_KEEPCAPS'), arg2: 1 }),
  why: 'the change of user shall not take the capabilities that the last steps need',
  man: 'PR_SET_KEEPCAPS(2const)',
})

const CAP_SYS_ADMIN = 1n << 21n
const CAP_SETPCAP = 1n << 8n

/**
 * After the change of user nothing is effective. The filter needs CAP_SYS_ADMIN (unless the process gives up new privileges);
 * it is not given to the container: lockCapabilities takes it away.
 */
export function raiseForSeccomp({ uid, noNewPrivileges, capabilities }: ProcessSpec): Step[] {
  if (uid === 0 || noNewPrivileges) return []
  const lasting = capabilityMask(capabilities.permitted)
  const sets = {
    effective: CAP_SYS_ADMIN | CAP_SETPCAP,
    permitted: lasting | CAP_SYS_ADMIN | CAP_SETPCAP,
    inheritable: 0n,
  }
  return [
    {
      ...call.capset({ hdrp: capHeader(), datap: capData(sets) }),
      why: 'CAP_SYS_ADMIN once more, for the seccomp filter alone',
    },
  ]
}

/** The final sets. What is in no set can neither be used nor regained. */
export function lockCapabilities({ capabilities }: ProcessSpec): Step[] {
  const { effective, permitted, inheritable, ambient } = capabilities
  const sets = {
    effective: capabilityMask(effective),
    permitted: capabilityMask(permitted),
    inheritable: capabilityMask(inheritable),
  }
  return [
    {
      ...call.capset({ hdrp: capHeader(), datap: capData(sets) }),
      why: permitted.length > 0 ? permitted.join(' ') : 'no capabilities at all',
      // The exec gives root what is in the bounding set, and others nothing.
      launcher: setpriv('--inh-caps=-all'),
    },
    ...ambient.map(name => ({
      ...call.prctl({
        op: PR('PR_CAP_AMBIENT'),
        arg2: PR_CAP_AMBIENT('PR_CAP_AMBIENT_RAISE'),
        arg3: capability(capabilityNumber(name)),
      }),
      why: `${name} survives the exec though the user is not root`,
      man: 'PR_CAP_AMBIENT(2const)',
      launcher: setpriv(`--ambient-caps=+${shortName(name)}`),
    })),
  ]
}

export const giveUpNewPrivileges = ({ noNewPrivileges }: ProcessSpec): Step[] =>
  noNewPrivileges
    ? [
        {
          ...call.prctl({ op: PR('PR_SET_NO_NEW_PRIVS'), arg2: 1 }),
          why: 'set-user-ID programs and file capabilities give nothing from here on',
          man: 'PR_SET_NO_NEW_PRIVS(2const)',
          launcher: setpriv('--no-new-privs'),
        },
      ]
    : []

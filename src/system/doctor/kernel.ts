/** The kernel: its version, and what was built into it. namespaces(7), filesystems(5) */

import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { type Finding, ok, problem, warning } from './finding.ts'

/** The first with everything that a start needs. */
export const OLDEST_KERNEL = '5.14'

export function isTooOld(kernel = release()): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_KERNEL.split('.').map(Number)
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
}

const NAMESPACES: readonly [string, string][] = [
  ['mnt', 'no container can start'],
  ['pid', 'no container can start'],
  ['net', 'containers can use --network host only'],
  ['uts', 'no container can start'],
  ['ipc', 'no container can start'],
  ['cgroup', 'containers see the cgroups of the host: use --cgroupns host'],
  ['user', 'userns-remap cannot be used'],
]

export function examineKernel(): Finding[] {
  return [version(), ...namespaces(), seccomp(), userNamespaceLimit()].flatMap(finding => finding ?? [])
}

function version(): Finding {
  if (!isTooOld()) return ok('kernel', `Linux ${release()}`)
  return problem('kernel', {
    found: `Linux ${release()}`,
    consequence: `skiffd does not start: it needs Linux ${OLDEST_KERNEL} (clone3, openat2, mount_setattr)`,
    remedy: 'update the kernel: apt-get install linux-image-amd64, dnf update kernel',
  })
}

function namespaces(): Finding[] {
  const missing = NAMESPACES.filter(([name]) => !existsSync(`/proc/self/ns/${name}`))
  if (missing.length === 0) return [ok('namespaces', NAMESPACES.map(([name]) => name).join(', '))]
  return missing.map(([name, consequence]) =>
    problem('namespaces', {
      found: `the kernel has no ${name} namespaces`,
      consequence,
      remedy: `use a kernel that was built with CONFIG_NAMESPACES and CONFIG_${name.toUpperCase()}_NS`,
    }),
  )
}

function seccomp(): Finding {
  if (existsSync('/proc/sys/kernel/seccomp/actions_avail')) return ok('seccomp', 'filters can be set')
  return problem('seccomp', {
    found: 'the kernel has no seccomp filters',
    consequence: 'containers start only with --security-opt seccomp=unconfined',
    remedy: 'use a kernel that was built with CONFIG_SECCOMP_FILTER',
  })
}

/** user_namespaces(7): /proc/sys/user */
function userNamespaceLimit(): Finding | null {
  const path = '/proc/sys/user/max_user_namespaces'
  if (!existsSync(path) || Number(readFileSync(path, 'utf8')) > 0) return null
  return warning('namespaces', {
    found: 'user namespaces are switched off',
    consequence: 'userns-remap cannot be used',
    remedy: 'sysctl -w user.max_user_namespaces=15000',
  })
}

/** Which resources can be limited. cgroups(7) */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CgroupMode, type Hierarchy, modeOf, readLayout } from '../../cgroups/layout.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const USES: readonly [string, string][] = [
  ['memory', '--memory and --memory-swap are refused, and stats shows no memory'],
  ['cpu', '--cpus and --cpu-shares are refused'],
  ['cpuset', '--cpuset-cpus is refused'],
  ['pids', '--pids-limit is refused: a fork bomb is not contained'],
  ['io', '--blkio-weight and --device-read-bps are refused'],
]

export function examineCgroups(): Finding[] {
  const { hierarchies } = readLayout()
  if (hierarchies.length === 0) {
    return [
      problem('cgroups', {
        found: 'no cgroup hierarchy is mounted',
        consequence: 'no resources can be limited, and processes of a container are found by their PID namespace only',
        remedy: 'mount -t cgroup2 none /sys/fs/cgroup',
      }),
    ]
  }
  return [ok('cgroups', MODES[modeOf(hierarchies)]), ...writable(hierarchies), ...missing(hierarchies)]
}

const MODES: Record<CgroupMode, string> = {
  legacy: 'version 1',
  hybrid: 'hybrid: some controllers on version 1, some on 2',
  unified: 'version 2',
}

function writable(hierarchies: readonly Hierarchy[]): Finding[] {
  const readOnly = hierarchies.filter(hierarchy => hierarchy.readOnly).map(({ mountPoint }) => mountPoint)
  if (readOnly.length === 0) return []
  return [
    problem('cgroups', {
      found: `mounted read-only: ${readOnly.join(', ')}`,
      consequence: 'groups for containers cannot be made there: their resources cannot be limited',
      remedy: readOnly.map(path => `mount -o remount,rw ${path}`).join('; '),
    }),
  ]
}

function missing(hierarchies: readonly Hierarchy[]): Finding[] {
  const present = new Set(hierarchies.flatMap(controllersOf))
  const absent = USES.filter(([name]) => !present.has(name))
  if (absent.length === 0) return [ok('controllers', USES.map(([name]) => name).join(', '))]
  const disabled = disabledInBoot()
  return absent.map(([name, consequence]) =>
    warning('controllers', {
      found: `the controller ${name} is not available`,
      consequence,
      remedy: disabled.has(name)
        ? `remove cgroup_disable=${name} from the kernel's command line`
        : `boot with cgroup_enable=${name}, or let the group that skiffd is in have it (systemd: Delegate=yes)`,
    }),
  )
}

/** By their version 2 names. */
const controllersOf = ({ version, controllers, mountPoint }: Hierarchy): string[] => {
  if (version === 1) return controllers.map(name => (name === 'blkio' ? 'io' : name))
  const file = join(mountPoint, 'cgroup.controllers')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : []
}

const disabledInBoot = (): Set<string> =>
  new Set(
    [...readFileSync('/proc/cmdline', 'utf8').matchAll(/cgroup_disable=(\S+)/g)].flatMap(([, names = '']) =>
      names.split(',').map(name => (name === 'blkio' ? 'io' : name)),
    ),
  )

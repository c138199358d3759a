/** What else lives here: other engines, security modules, a container around us. */

import { existsSync, readFileSync } from 'node:fs'
import { type Finding, ok, type Subject, warning } from './finding.ts'

const ENGINES: readonly [string, string][] = [
  ['Docker', '/run/docker.sock'],
  ['Podman', '/run/podman/podman.sock'],
  ['containerd', '/run/containerd/containerd.sock'],
]

export function examineSurroundings(subject: Subject): Finding[] {
  return [nesting(), ...engines(), ...securityModules(), ...socketGroup(subject)]
}

function nesting(): Finding {
  const container = containerAround()
  if (container === null) return ok('nesting', 'not inside a container')
  return ok('nesting', `inside a container (${container}): limits of containers in here are within its own`)
}

/** As systemd-detect-virt(1) finds out. */
function containerAround(): string | null {
  if (existsSync('/.dockerenv')) return 'Docker or skiff'
  if (existsSync('/run/.containerenv')) return 'Podman'
  const environment = existsSync('/proc/1/environ') ? readIfAllowed('/proc/1/environ') : ''
  return /(?:^|\0)container=([^\0]+)/.exec(environment)?.[1] ?? null
}

function readIfAllowed(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const engines = (): Finding[] =>
  ENGINES.filter(([, socket]) => existsSync(socket)).map(([name, socket]) =>
    ok('engines', `${name} is here too (${socket}): each has its own images, containers and networks`),
  )

function securityModules(): Finding[] {
  const modules = readIfAllowed('/sys/kernel/security/lsm').split(',')
  const enforcing = readIfAllowed('/sys/fs/selinux/enforce').trim() === '1'
  const findings: Finding[] = []
  if (enforcing) {
    findings.push(
      warning('security', {
        found: 'SELinux is enforcing',
        consequence: 'files of the host that are mounted into a container may be denied to it',
        remedy: 'chcon -Rt container_file_t FOLDER, or --security-opt label=disable where the policy asks for it',
      }),
    )
  }
  if (modules.includes('apparmor'))
    findings.push(ok('security', 'AppArmor is active; skiff sets no profiles of its own'))
  return findings
}

function socketGroup({ group, hosts }: Subject): Finding[] {
  if (!hosts.some(host => host.startsWith('unix://')) || /^\d+$/.test(group)) return []
  const exists = readIfAllowed('/etc/group')
    .split('\n')
    .some(line => line.startsWith(`${group}:`))
  if (exists) return [ok('socket', `root and members of the group ${group} may use the socket`)]
  return [
    ok(
      'socket',
      `only root may use the socket (groupadd ${group}; usermod -aG ${group} USER lets others: they are as good as root then)`,
    ),
  ]
}

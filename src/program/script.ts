/**
 * A program as a shell script: an equal container by the tools of util-linux and coreutils, to be run by hand and studied. Each
 * step stands in it as a comment, with the command that does the same, or the reason why a shell has none.
 *
 * One thing is in another order. A program enters the root first and works inside, by descriptors. A shell's tools
 * are the host's: they furnish the root from outside, by paths, and it is entered at the end. From then on the host's tools are
 * run out of the detached old root, through the folder that the shell still stands in. That is why this way is not skiff's:
 * a path is followed through whatever symlinks an image has.
 */

import { CLONE_TABLE } from './flags.ts'
import { showCall } from './listing.ts'
import { word } from './shell.ts'
import { type Blob, isBlob, type Program, type Step } from './step.ts'

export interface ScriptRequest {
  name: string
  cloneFlags: number
  /** What the shim does before it clones. */
  before: Program | null
  program: Program
  /** Where the root is mounted: an empty folder, which the script makes. */
  rootMountPoint: string
  /** Commands that come first of all: the cgroup. */
  setUp: readonly string[]
}

/** Why there is no command for a call. */
const NO_COMMAND: Partial<Record<Step['call'], string>> = {
  open_tree: 'part of the `mount --bind` below',
  mount_setattr: 'part of the `mount` below',
  fsopen: 'part of the `mount` below',
  fsconfig: 'part of the `mount` below',
  fsmount: 'part of the `mount` below',
  move_mount: 'done by the `mount` for this place',
  openat: 'a shell works on paths, not on descriptors',
  openat2: 'a shell works on paths, and follows what symlinks the image has in them',
  chdir: 'part of the entering below',
  pivot_root: 'at the end: see there',
  umount2: 'at the end: see there',
  setns: 'nsenter(1), above, or left out: see there',
  unshare: 'unshare(1), above',
  keyctl: 'keyctl(1) is in neither package: the container keeps the keyring of this shell',
  prctl: 'no tool does it',
  capset: 'setpriv(1) does it, below',
  seccomp: 'no tool does it before util-linux 2.40 (setpriv --seccomp-filter): this container runs without a filter',
  dup3: 'the streams are those of this script',
  fchown: 'the streams are those of this script',
  ioctl: 'the terminal is the one of this script',
  sendmsg: 'there is no shim: the terminal is the one of this script',
  socket: 'part of the `ip` below',
}

export function toScript(request: ScriptRequest): string {
  const { program } = request
  const entering = program.steps.filter(isEntering)
  const commands = program.steps.filter(step => step.call === 'execve')
  const numbered = program.steps.map((step, index) => ({ step, number: index + 1 }))
  const ordinary = numbered.filter(({ step }) => !isEntering(step) && step.call !== 'execve')
  return `${[
    ...head(request),
    '# --- inside: this part runs in the new namespaces',
    'umask 022',
    'mkdir -p "$root"',
    ...ordinary.flatMap(({ step, number }) => showStep(step, number)),
    '',
    '# --- enter the root',
    ...entering.map(step => `# ${showCall(step)}\n#   ${step.why}`),
    ...ENTER,
    '',
    '# --- become the command',
    ...commands.slice(0, 1).flatMap(step => [`# ${showCall(step)}`, ...lastCommand(program, step)]),
  ].join('\n')}\n`
}

/** Steps between the mount of the root and the work in it. */
const isEntering = (step: Step): boolean =>
  step.act === 'move' && step.call !== 'mount' && step.call !== 'open_tree' && step.call !== 'move_mount'

function showStep(step: Step, number: number): string[] {
  const comment = ['', `# ${number}. ${showCall(step)}`, `#    ${step.why} - ${step.man}`]
  if (step.shell) return [...comment, step.shell]
  if (step.launcher) return [...comment, `#    (${step.launcher.tool} ${step.launcher.option}, in the last command)`]
  return [...comment, `#    (${NO_COMMAND[step.call] ?? 'no tool does it'})`]
}

/** unshare(1)'s options, in the order of the flags. */
const UNSHARE: Record<string, string> = {
  CLONE_NEWNS: '--mount',
  CLONE_NEWCGROUP: '--cgroup',
  CLONE_NEWUTS: '--uts',
  CLONE_NEWIPC: '--ipc',
  CLONE_NEWPID: '--pid --fork --kill-child',
  CLONE_NEWNET: '--net',
}
const NSENTER: Record<string, string> = {
  CLONE_NEWUTS: '--uts',
  CLONE_NEWIPC: '--ipc',
  CLONE_NEWPID: '--pid',
  CLONE_NEWCGROUP: '--cgroup',
}

function namespaces({ cloneFlags, program, before }: ScriptRequest): {
  made: string[]
  joined: string[]
  network: boolean
} {
  const flagsOf = (steps: readonly Step[], name: 'setns' | 'unshare'): string[] =>
    steps
      .filter(step => step.call === name && step.args.some(arg => typeof arg === 'object'))
      .map(step => shown(step.args.at(-1)))
  const made = Object.entries(CLONE_TABLE).flatMap(([name, bit]) => ((cloneFlags & bit) !== 0 ? [name] : []))
  made.push(...flagsOf(program.steps, 'unshare'))
  const joined = [...flagsOf(before?.steps ?? [], 'setns'), ...flagsOf(program.steps, 'setns')]
  return {
    made: made.map(name => UNSHARE[name] ?? '').filter(Boolean),
    joined: joined.map(name => NSENTER[name] ?? '').filter(Boolean),
    network: joined.includes('CLONE_NEWNET'),
  }
}

const shown = (operand: Step['args'][number] | undefined): string =>
  typeof operand === 'object' && operand !== null && operand.kind === 'flags' ? operand.shown : ''

function head(request: ScriptRequest): string[] {
  const { made, joined, network } = namespaces(request)
  const enter = joined.length > 0 ? `nsenter --target "$other" ${joined.join(' ')} -- ` : ''
  const unshare = network && joined.length === 0 ? [...made, '--net'] : made
  return [
    '#!/bin/sh',
    `# The container ${request.name}, by util-linux and coreutils. Run it as root: sh SCRIPT`,
    '#',
    '# Each step of its program is a comment with the command that does the same. What is mounted shows to',
    '# nobody else and goes when the command ends. Do not run it on an image that you do not trust: a shell follows',
    '# the symlinks of the image out of it, as skiff does not. Nor while the container itself runs: what it writes',
    '# goes to the same folder, which two overlays must not share.',
    'set -eu',
    `root=${word(request.rootMountPoint)}`,
    ...(joined.length > 0
      ? [`other=\${OTHER_PID:?set OTHER_PID to the pid of the container whose namespaces are shared}`]
      : []),
    '',
    'if [ $# = 0 ]; then',
    ...request.setUp.map(line => (line === '' ? '' : `    ${line}`)),
    `    # clone3(2) makes these namespaces, unshare(1) too${network ? '; the network is a new one without an interface to the outside' : ''}`,
    `    exec ${enter}unshare ${unshare.join(' ')} -- sh "$0" inside`,
    'fi',
    '',
    ...(network && joined.length === 0
      ? ['# skiff prepares the network beforehand; here it has a loopback only', 'ip link set lo up', '']
      : []),
  ]
}

/** pivot_root(8) as one does it by hand: the host's tools must still be found when its root is gone. */
const ENTER = [
  '# The loader of the host, to run its tools when their libraries are no longer at their paths.',
  'loader=$(readlink -f /lib64/ld-linux-*.so.2 /lib/ld-linux-*.so.1 2>/dev/null | head -n 1)',
  '# This folder of the host stays reachable by `.` and `..` after its root is detached. Nothing else does.',
  'cd /usr',
  '# The old root lands on top of the new one. No folder is needed for it, and / is the new root already.',
  'pivot_root "$root" "$root"',
  `host() { tool=$1; shift; "..$loader" --library-path "..\${loader%/*}" "bin/$tool" "$@"; }`,
  'host umount --lazy /',
]

/** exec of a chain of tools: each does its part and executes the next one. */
function lastCommand({ steps }: Program, exec: Step): string[] {
  const options = (tool: string): string[] =>
    merge(steps.flatMap(step => (step.launcher?.tool === tool ? [step.launcher.option] : [])))
  const tool = (name: string, given: readonly string[]): string =>
    `    "..$loader" --library-path "..\${loader%/*}" bin/${[name, ...given.map(word)].join(' ')} \\`
  const [argv, envp] = exec.args.slice(1).map(strings)
  return [
    'exec \\',
    ...(options('setsid').length > 0 ? [tool('setsid', options('setsid'))] : []),
    tool('setpriv', options('setpriv')),
    tool('env', ['-i', ...options('env'), ...(envp ?? [])]),
    `    ${(argv ?? []).map(word).join(' ')}`,
  ]
}

const strings = (operand: Step['args'][number]): string[] =>
  isBlob(operand)
    ? ((operand as Blob).fields ?? []).map(field => field.value).filter(value => typeof value === 'string')
    : []

/** `--x=a` and `--x=b` are `--x=a,b`: setpriv takes each option once. */
function merge(options: readonly string[]): string[] {
  const merged = new Map<string, string[]>()
  for (const option of options) {
    const at = option.indexOf('=')
    const [name, value] = at < 0 ? [option, []] : [option.slice(0, at), [option.slice(at + 1)]]
    merged.set(name, [...(merged.get(name) ?? []), ...value])
  }
  return [...merged].map(([name, values]) => (values.length > 0 ? `${name}=${values.join(',')}` : name))
}

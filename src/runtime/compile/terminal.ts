/**
 * The process's streams: the shim's pipes, or a pseudo-terminal of the container's own devpts whose master goes to the shim.
 * See pty(7), ioctl_tty(2), unix(7).
 */

import { CONSOLE, type Slots, STDERR, STDIN, STDOUT } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { IOCTL, nodeMode, O, OPEN_TREE } from '../../program/flags.ts'
import { inRoot } from '../../program/shell.ts'
import type { Flags, Slot, Step } from '../../program/step.ts'
import { descriptorMessage, int, winsize } from '../../program/syscall-structs.ts'
import type { ProcessSpec } from '../spec.ts'
import type { ContainerContext, Streams } from './context.ts'
import { attachAt } from './filesystem.ts'
import { openInside, openOwn } from './targets.ts'

const READ_WRITE = O('O_RDWR', 'O_NOCTTY', 'O_CLOEXEC')
const UNCHANGED: Flags = { kind: 'flags', value: -1, shown: '-1' }

const masterOf = (slots: Slots): Slot => slots.named('master')
const terminalOf = (slots: Slots): Slot => slots.named('terminal')

/** Opens a terminal in the devpts just made, or in the one that a user's /dev has. */
export function openTerminal({ spec, slots, placed, root }: ContainerContext): Step[] {
  if (!spec.process.terminal) return []
  const pts = placed.get('/dev/pts')
  const why = "a new terminal in the container's own devpts"
  const open =
    pts?.name === 'pts'
      ? openOwn(pts, 'ptmx', READ_WRITE, masterOf(slots), why)
      : openInside(root, '/dev/ptmx', READ_WRITE, masterOf(slots), why)
  return [open, ...handOverMaster(slots, spec.process)]
}

/** A further process gets a terminal in the devpts that the container sees. */
export const openTerminalOf = (root: Slot, slots: Slots, process: ProcessSpec): Step[] =>
  process.terminal
    ? [
        openOwn(root, 'dev/pts/ptmx', READ_WRITE, masterOf(slots), "a new terminal in the container's devpts"),
        ...handOverMaster(slots, process),
      ]
    : []

function handOverMaster(slots: Slots, { consoleSize }: ProcessSpec): Step[] {
  const master = masterOf(slots)
  const steps: Step[] = [
    {
      ...call.ioctl({ fd: master, op: IOCTL('TIOCSPTLCK'), argp: int(0) }),
      why: 'unlock the other side',
      man: 'unlockpt(3)',
    },
    {
      ...call.ioctl({ fd: master, op: IOCTL('TIOCGPTPEER'), argp: READ_WRITE }),
      result: terminalOf(slots),
      why: "the other side, without a path that could be somebody else's: CVE-2025-52565",
      man: 'ioctl_tty(2)',
    },
  ]
  if (consoleSize && consoleSize.rows > 0 && consoleSize.columns > 0) {
    const size = winsize(consoleSize.rows, consoleSize.columns)
    steps.push({
      ...call.ioctl({ fd: master, op: IOCTL('TIOCSWINSZ'), argp: size }),
      why: 'the first prompt is drawn in the right size',
      man: 'TIOCSWINSZ(2const)',
      shell: `if tty -s; then stty rows ${consoleSize.rows} cols ${consoleSize.columns}; fi`,
    })
  }
  steps.push({
    ...call.sendmsg({ sockfd: CONSOLE, msg: descriptorMessage(master), flags: 0 }),
    why: 'the shim reads and writes the master side',
    man: 'unix(7)',
  })
  return steps
}

/** /dev/console is the terminal, for those who write to the console. */
export function placeConsole({ spec, slots, placed }: ContainerContext): Step[] {
  const dev = placed.get('/dev')
  if (!spec.process.terminal || dev?.name !== 'dev') return []
  const console = slots.named('console')
  return [
    {
      ...call.open_tree({
        dfd: terminalOf(slots),
        filename: '',
        flags: OPEN_TREE('OPEN_TREE_CLONE', 'AT_EMPTY_PATH', 'OPEN_TREE_CLOEXEC'),
      }),
      result: console,
      why: "the terminal's node, by its descriptor",
    },
    {
      ...call.mknodat({ dirfd: dev, pathname: 'console', mode: nodeMode('f', 0o600), dev: 0 }),
      why: 'where /dev/console shall be',
    },
    {
      ...attachAt(console, dev, 'console', '/dev/console'),
      shell: `if tty -s; then : >>${inRoot('/dev/console')} && mount --bind "$(tty)" ${inRoot('/dev/console')}; fi`,
    },
  ]
}

/** A session of its own, its terminal, and descriptors 0, 1 and 2. `owner` is the host's id of the user. */
export function connectStreams(slots: Slots, { terminal }: ProcessSpec, { stdin }: Streams, owner: number): Step[] {
  const session: Step = {
    ...call.setsid({}),
    why: 'a session of its own: no terminal, no job control of others',
    // On a terminal the script keeps to the session that it was started in.
    ...(!terminal && { launcher: { tool: 'setsid', option: '--wait' } as const }),
  }
  if (!terminal) {
    const pipes = stdin === 'null' ? [STDOUT, STDERR] : [STDIN, STDOUT, STDERR]
    return [session, ...ownStreams(pipes, owner), ...duplicate([STDIN, STDOUT, STDERR])]
  }
  const tty = terminalOf(slots)
  return [
    session,
    {
      ...call.ioctl({ fd: tty, op: IOCTL('TIOCSCTTY'), argp: 0 }),
      why: 'its controlling terminal: ctrl-c and hang-ups come from there',
      man: 'TIOCSCTTY(2const)',
    },
    ...ownStreams([tty], owner),
    ...duplicate([tty, tty, tty]),
  ]
}

/** Lets the user open /dev/stdout anew. Never of /dev/null: that would be the host's node. */
const ownStreams = (streams: readonly Slot[], uid: number): Step[] =>
  uid === 0
    ? []
    : streams.map(fd => ({
        ...call.fchown({ fd, owner: uid, group: UNCHANGED }),
        why: `user ${uid} may open it again by /dev/std*`,
      }))

const duplicate = (streams: readonly Slot[]): Step[] =>
  streams.map((oldfd, newfd) => ({
    ...call.dup3({ oldfd, newfd, flags: 0 }),
    why: `descriptor ${newfd}: ${['standard input', 'standard output', 'standard error'][newfd]}`,
  }))

/** The program `skiff`: makes a session of the process, runs it, and ends with its exit code. */

import { spawnSync } from 'node:child_process'
import { runCommandLine } from './dispatch.ts'
import type { Session } from './session.ts'

/** What a user or a supervisor sends; the rest is for bugs (SEGV), job accounting (CHLD) or cannot be caught. */
const CAUGHT: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
]

/** As a shell reports a process that SIGPIPE ended. */
const EXIT_SIGPIPE = 141

function onSignal(listener: (name: NodeJS.Signals) => void): () => void {
  for (const name of CAUGHT) process.on(name, listener)
  return () => {
    for (const name of CAUGHT) process.off(name, listener)
  }
}

function onResize(listener: () => void): () => void {
  process.stdout.on('resize', listener)
  return () => process.stdout.off('resize', listener)
}

/**
 * Node's raw mode goes on turning a line feed of the output into two characters (ONLCR), which the container's own terminal has
 * done already; stty(1) ends that. What Node saved before comes back with raw mode off, or at the exit.
 */
function setRawMode(raw: boolean): void {
  if (!process.stdin.isTTY) return
  process.stdin.setRawMode(raw)
  if (raw) spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
}

const session: Session = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  // Getters, as Node opens each when it is first looked at.
  get stdin() {
    return process.stdin
  },
  get stdout() {
    return process.stdout
  },
  get stderr() {
    return process.stderr
  },
  isTerminal: {
    get stdin() {
      return process.stdin.isTTY === true
    },
    get stdout() {
      return process.stdout.isTTY === true
    },
    get stderr() {
      return process.stderr.isTTY === true
    },
  },
  windowSize: () => (process.stdout.isTTY ? { rows: process.stdout.rows, columns: process.stdout.columns } : undefined),
  setRawMode,
  onResize,
  onSignal,
  mayStartDaemon: process.getuid?.() === 0,
}

/** Resolves when the kernel has all that was written, or will not take it. */
const written = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise(resolve => {
    if (stream.writableLength === 0) resolve()
    else stream.write('', () => resolve())
  })

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_SIGPIPE)
  throw error
})
const exitCode = await runCommandLine(session)
// Not exitCode alone: an open stdin or an idle connection must not keep the program alive. What a full pipe has not taken yet would be lost.
await Promise.all([written(process.stdout), written(process.stderr)])
process.exit(exitCode)

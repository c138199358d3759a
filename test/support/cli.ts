/** Command lines as a person uses them: skiff's or docker's, with pipes or on a terminal. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { Engine } from './engine.ts'

const TERMINAL = fileURLToPath(new URL('terminal.py', import.meta.url))

export interface CliOptions {
  /** What is typed or piped in; without it stdin is empty and at its end. */
  stdin?: string | Buffer
  /** On a terminal of this size; stdout and stderr are one then. */
  tty?: boolean | { rows: number; columns: number }
  env?: Record<string, string>
  cwd?: string
}

export interface CliResult {
  code: number
  stdout: string
  stderr: string
}

/** A command that is running. */
export interface Session {
  readonly pid: number
  /** Types, or writes to its stdin. */
  write(data: string | Buffer): void
  /** Ends its stdin. Nothing happens to a terminal. */
  end(): void
  /** Resolves as soon as what it has printed so far matches; rejects when it ends without that. */
  until(pattern: RegExp | string): Promise<string>
  resize(rows: number, columns: number): void
  kill(signal: NodeJS.Signals): void
  /** What it has printed on stdout (or its terminal) so far. */
  readonly shown: string
  readonly result: Promise<CliResult>
}

/** Runs a command of the engine to its end: `cli(engine, ['run', '--rm', 'busybox', 'true'])`. */
export function cli(engine: Engine, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const session = open(engine, args, options)
  if (options.stdin !== undefined) session.write(options.stdin)
  if (!options.tty) session.end()
  return session.result
}

/** The same, and fails with what it printed when the exit code is not 0. Answers stdout without the last newline. */
export async function cliOk(engine: Engine, args: readonly string[], options: CliOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await cli(engine, args, options)
  if (code !== 0) throw new Error(`${engine.name} ${args.join(' ')}: exit code ${code}\n${stderr}${stdout}`)
  return stdout.replace(/\n$/, '')
}

/** Starts a command and leaves its input open, to talk with it. */
export function open(engine: Engine, args: readonly string[], options: CliOptions = {}): Session {
  return openCommand([...engine.command, ...args], options)
}

/** The same for any command. */
export function openCommand(command: readonly string[], { tty = false, env = {}, cwd }: CliOptions = {}): Session {
  const { rows, columns } = typeof tty === 'object' ? tty : { rows: 24, columns: 80 }
  const [program = '', ...args] = tty ? ['python3', TERMINAL, String(rows), String(columns), ...command] : command
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe', tty ? 'pipe' : 'ignore'],
    env: { ...process.env, DOCKER_CLI_HINTS: 'false', ...env },
    ...(cwd !== undefined && { cwd }),
  }) as ChildProcessWithoutNullStreams
  // EPIPE: a command may end without having read everything.
  child.stdin.on('error', () => undefined)
  return session(child)
}

function session(child: ChildProcessWithoutNullStreams): Session {
  let [stdout, stderr] = ['', '']
  const watchers = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
    for (const watch of watchers) watch()
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const result = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      resolve({ code: code ?? 128 + signalNumber(signal), stdout, stderr })
      for (const watch of watchers) watch()
    })
  })
  const until = (pattern: RegExp | string) =>
    new Promise<string>((resolve, reject) => {
      const watch = () => {
        const matches = typeof pattern === 'string' ? stdout.includes(pattern) : pattern.test(stdout)
        const ended = child.exitCode !== null || child.signalCode !== null
        if (!matches && !(ended && child.stdout.readableEnded)) return
        watchers.delete(watch)
        if (matches) resolve(stdout)
        else reject(new Error(`it ended without printing ${pattern}:\n${stdout}${stderr}`))
      }
      watchers.add(watch)
      watch()
    })
  return {
    pid: child.pid ?? 0,
    write: data => void child.stdin.write(data),
    end: () => void child.stdin.end(),
    until,
    resize: (rows, columns) => void (child.stdio[3] as unknown as Writable).write(`${rows} ${columns}\n`),
    kill: signal => void child.kill(signal),
    get shown() {
      return stdout
    },
    result,
  }
}

const SIGNALS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGPIPE: 13,
  SIGTERM: 15,
}
const signalNumber = (signal: NodeJS.Signals | null): number => (signal && SIGNALS[signal]) ?? 0

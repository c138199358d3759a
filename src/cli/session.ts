/**
 * Who runs a command, and where: everything a command may touch of its surroundings. main.ts makes one from the process;
 * anybody else who has streams and a terminal can make one too.
 */

import type { Agent } from 'node:http'
import type { Readable, Writable } from 'node:stream'

export interface WindowSize {
  readonly rows: number
  readonly columns: number
}

export interface Session {
  /** The words after the program's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly isTerminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Of the terminal at stdout; undefined without one. */
  windowSize(): WindowSize | undefined
  /** Of the terminal at stdin. */
  setRawMode(raw: boolean): void
  /** Calls on every change of the window's size; answers how to stop that. */
  onResize(listener: () => void): () => void
  /** Calls for each signal instead of ending; answers how to stop that. KILL and STOP cannot be caught. */
  onSignal(listener: (name: NodeJS.Signals) => void): () => void
  /** Whether a daemon may be started for this session: root's, on the default address. */
  readonly mayStartDaemon: boolean
  /** Aborted when nobody wants the command's result any more; a process just ends then. */
  readonly closed?: AbortSignal
  /** A daemon that is known already: its version need not be asked, connections to it are at hand. */
  readonly known?: { readonly address: string; readonly apiVersion: string; readonly agent: Agent }
}

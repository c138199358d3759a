/** What a test may do with an engine, be it skiff's daemon or the reference. */

import type { EngineApi } from './client.ts'

export interface Engine {
  readonly name: 'skiff' | 'docker'
  /** The command line that talks to it: program and first arguments. */
  readonly command: readonly string[]
  /** Everything that it writes is in here. */
  readonly folder: string
  readonly socket: string
  readonly api: EngineApi
  /** Its containers' cgroups are below this one. */
  readonly cgroupParent: string
  /** The process that listens on the socket. */
  daemonPid(): Promise<number>
  /** What it has logged so far. */
  log(): Promise<string>
  /** Ends it with everything it runs. Rejects when it left something behind. */
  stop(): Promise<void>
}

/**
 * The vocabulary of a Dockerfile, once it is read: instructions with their flags and arguments, not expanded yet (what a variable
 * means is known only when the instruction's turn comes). Dockerfile reference, one chapter for each.
 */

import type { Location } from './error.ts'
import type { Heredoc } from './lines.ts'

/** What RUN, CMD, ENTRYPOINT and HEALTHCHECK run: a line for the shell, or words as they are. */
export type CommandLine = { form: 'shell'; line: string } | { form: 'exec'; argv: string[] }

export interface RunMount {
  type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh'
  target: string
  source: string
  from: string
  /** null: not said. */
  readonly: boolean | null
  id: string
  sharing: 'shared' | 'private' | 'locked'
  required: boolean
  mode: number | null
  uid: number | null
  gid: number | null
  sizeBytes: number | null
  /** secret: the variable that gets it. */
  env: string
}

export interface CopySources {
  paths: string[]
  /** `COPY <<FILE /target`: files that stand in the Dockerfile itself. */
  heredocs: Heredoc[]
  target: string
  from: string
  chown: string
  chmod: string
  link: boolean
  parents: boolean
  exclude: string[]
  checksum: string
  /** ADD: archives are unpacked, or not; null: those from here are, and those from a URL are not. */
  unpack: boolean | null
}

export interface HealthSpec {
  test: string[]
  /** As written: '30s'. */
  interval: string
  timeout: string
  startPeriod: string
  startInterval: string
  retries: string
}

type Body =
  | { kind: 'from'; image: string; name: string; platform: string }
  | { kind: 'run'; command: CommandLine; heredocs: Heredoc[]; mounts: string[]; network: string; security: string }
  | { kind: 'cmd' | 'entrypoint'; command: CommandLine }
  | { kind: 'shell'; argv: string[] }
  | { kind: 'env' | 'label'; pairs: [name: string, value: string][] }
  | { kind: 'arg'; args: { name: string; value: string | undefined }[] }
  | { kind: 'maintainer' | 'user' | 'workdir' | 'stopsignal' | 'onbuild'; text: string }
  | { kind: 'expose' | 'volume'; words: string[] }
  | ({ kind: 'copy' | 'add' } & CopySources)
  | { kind: 'healthcheck'; health: HealthSpec }

export type Instruction = Body & { location: Location }
export type InstructionOf<K extends Instruction['kind']> = Extract<Instruction, { kind: K }>
export type CopyInstruction = Extract<Instruction, CopySources>

export interface Dockerfile {
  escapeChar: string
  syntax: string
  instructions: Instruction[]
}

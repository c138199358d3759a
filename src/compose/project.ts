/** A project: what its files say, merged and understood. The words are the Compose specification's own. */

import type { Decoded } from './schema/decode.ts'
import type { FileObject } from './schema/files.ts'
import type { Network, Volume } from './schema/resources.ts'
import type { Service } from './schema/service.ts'

export interface Project {
  readonly name: string
  /** The folder that it is at home in. */
  readonly folder: string
  /** Its files, absolute; `-` for stdin. */
  readonly files: readonly string[]
  readonly services: Readonly<Record<string, Service>>
  /** Left out because their profile is not active. */
  readonly inactive: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, Network>>
  readonly volumes: Readonly<Record<string, Volume>>
  readonly secrets: Readonly<Record<string, FileObject>>
  readonly configs: Readonly<Record<string, FileObject>>
  /** x-… of the top level. */
  readonly extensions: Readonly<Record<string, unknown>>
  /** The variables of the shell and of .env. */
  readonly environment: Readonly<Record<string, string>>
}

export type { Decoded, FileObject, Network, Service, Volume }

/** What a controller's file turns resources into: values for kernel files, in the order in which they must be written. */

import { Recent } from '../kernel/recent.ts'
import type { GroupFiles } from './files.ts'
import type { CgroupVersion, Controller, Resources } from './types.ts'

export interface Assignment {
  file: string
  value: string
  why: string
  /** For what is not a write to a file: performs it on the group's folder. */
  perform?: (folder: string) => void
}

/** How a group looks before it is written to. */
export interface GroupState {
  /** Whether the kernel has this file in such a group. */
  has(file: string): boolean
  /** The present content; null in a group that is yet to be made. */
  read(file: string): string | null
  number(file: string): number | null
  /** A file of the group above: null where there is none. */
  readParent(file: string): string | null
}

/** One controller on one version of cgroups. */
export interface ControllerFiles {
  /** Unavailable: this version of cgroups cannot express one of the resources. */
  settings(resources: Resources, group: GroupState): Assignment[]
}

export interface ControllerModule {
  controller: Controller
  /** The words for what is asked of this controller, null if nothing is: for the error where it is missing. */
  asked(resources: Resources): string | null
  legacy: ControllerFiles
  unified: ControllerFiles
}

export type DriverName = 'legacy' | 'unified'
export const driverOf = (version: CgroupVersion): DriverName => (version === 1 ? 'legacy' : 'unified')

/** A group that exists. */
export const stateOf = (files: GroupFiles, parent: GroupFiles): GroupState => ({
  has: file => files.has(file),
  read: file => files.read(file),
  number: file => files.number(file),
  readParent: file => parent.read(file),
})

/** Of parent groups. Whoever finds that what was planned with it cannot be done forgets it, and plans again. */
export const parentValues = new Recent<string | null>()

/** A group that is yet to be made below `parent`. `like` is a group that has the same files; the parent may not exist yet. */
export const stateOfNew = (parent: GroupFiles, like: GroupFiles): GroupState => ({
  has: file => like.has(file),
  read: () => null,
  number: () => null,
  readParent: file => parentValues.of(`${parent.folder}/${file}`, () => parent.read(file) ?? like.read(file)),
})

/** A number that was given and is not Docker's "not set". */
export const isSet = (value: number | undefined): value is number => value !== undefined && value !== 0

/** What is written down of a root, in roots/CONTAINER/root.json. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '../kernel/atomic-file.ts'
import { isObject } from '../kernel/salvage.ts'
import { type FrozenName, isFrozenName } from './frozen.ts'
import type { ChainId, StorageDriver } from './types.ts'

export interface RootRecord {
  /** The topmost; '' for a root without layers. */
  top: ChainId | ''
  driver: StorageDriver
  /** What lies between the layers and what is written, topmost first; missing for nothing. */
  frozen?: readonly FrozenName[]
  /** Its upper folder is just about to become this one: a daemon that finds this word takes it back. */
  freezing?: FrozenName
}

export const isRootRecord = (value: unknown): value is RootRecord =>
  isObject(value) &&
  typeof value.top === 'string' &&
  (value.driver === 'overlay2' || value.driver === 'vfs') &&
  (value.frozen === undefined || (Array.isArray(value.frozen) && value.frozen.every(isFrozen))) &&
  (value.freezing === undefined || isFrozen(value.freezing))

const isFrozen = (value: unknown): boolean => typeof value === 'string' && isFrozenName(value)

const textOf = (record: RootRecord): string => `${JSON.stringify(record)}\n`
const pathIn = (folder: string): string => join(folder, 'root.json')

/** Of a root that is being made. What stands on layers alone can be written down anew from what its container's record says. */
export async function writeFirst(folder: string, record: RootRecord): Promise<void> {
  if (record.frozen === undefined) writeFileSync(pathIn(folder), textOf(record))
  else await writeRecord(folder, record)
}

/** Survives a power cut when it resolves. */
export const writeRecord = (folder: string, record: RootRecord): Promise<void> =>
  writeAtomically(pathIn(folder), textOf(record), { durable: true })

/** The names that a record keeps from being deleted. */
export const namesIn = ({ frozen = [], freezing }: RootRecord): FrozenName[] =>
  freezing === undefined ? [...frozen] : [freezing, ...frozen]

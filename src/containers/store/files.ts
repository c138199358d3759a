/** A container's folder: where its files are, and how its two records are read and written. */

import { writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { overwrite, TEMPORARY_PREFIX, writeAtomically } from '../../kernel/atomic-file.ts'
import { hasCode } from '../../kernel/errors.ts'
import { isDamage, isObject, parseRecord } from '../../kernel/salvage.ts'
import type { ContainerId } from '../types.ts'
import { type ConfigRecord, initialState, type StateRecord } from './record.ts'

export interface ContainerPaths {
  folder: string
  log: string
  logName: string
  hostname: string
  hosts: string
  resolvConf: string
  /** The shim's folder of the first process, in the exec-root: gone after a reboot, as what it tells of is. */
  run: string
}

export interface Roots {
  dataRoot: string
  execRoot: string
}

export const containersFolder = ({ dataRoot }: Roots): string => join(dataRoot, 'containers')
/** Where what was removed lies until it is deleted; emptied when a daemon starts. */
export const trashFolder = ({ dataRoot }: Roots): string => join(dataRoot, 'trash')
export const runFolder = ({ execRoot }: Roots): string => join(execRoot, 'containers')

export function containerPaths(roots: Roots, id: ContainerId): ContainerPaths {
  const folder = join(containersFolder(roots), id)
  const logName = `${id}-json.log`
  return {
    folder,
    logName,
    log: join(folder, logName),
    hostname: join(folder, 'hostname'),
    hosts: join(folder, 'hosts'),
    resolvConf: join(folder, 'resolv.conf'),
    run: join(runFolder(roots), id),
  }
}

const asText = (record: object): string => `${JSON.stringify(record, null, 2)}\n`

/** Survives a power cut, unless told that it need not: what was acknowledged exists. */
export const writeConfig = (
  folder: string,
  record: ConfigRecord,
  { durable = true }: { durable?: boolean } = {},
): Promise<void> => writeAtomically(join(folder, 'config.json'), asText(record), { durable })

/**
 * Survives the daemon; a power cut only where it matters. What runs does not survive that anyhow, so a start or an end that
 * the disk forgot is found out by the next daemon: there is no run folder. Only a container that shall come back has to be
 * remembered as running.
 */
export async function writeState(
  folder: string,
  record: StateRecord,
  { durable }: { durable: boolean },
): Promise<void> {
  const path = join(folder, 'state.json')
  const text = asText(record)
  if (!durable && overwrite(path, text)) return
  await writeAtomically(path, text, { durable })
}

/** Of a container that does not exist yet: until there is a config.json nobody reads it. */
export const writeInitialState = (folder: string, record: StateRecord): void =>
  writeFileSync(join(folder, 'state.json'), asText(record), { flag: 'wx', mode: 0o600 })

/** null: there is no config.json. @throws SyntaxError, DamagedRecord */
export async function readConfig(folder: string): Promise<ConfigRecord | null> {
  const text = await readText(join(folder, 'config.json'))
  return text === null ? null : parseRecord(text, isConfig)
}

/**
 * A state that a power cut swallowed is that of a container which does not run.
 * `onDamage` is told of one that is there and cannot be read.
 */
export async function readState(folder: string, onDamage: (path: string, why: unknown) => void): Promise<StateRecord> {
  const path = join(folder, 'state.json')
  try {
    const text = await readText(path)
    // Empty: as a power cut leaves what was not written durably.
    return text === null || text === '' ? initialState() : { ...initialState(), ...parseRecord(text, isState) }
  } catch (error) {
    if (!isDamage(error)) throw error
    onDamage(path, error)
    return initialState()
  }
}

/** Whether a container's folder without a config.json is that of a creation that was cut off, and not of one that has lost it. */
export async function isUnfinished(folder: string): Promise<boolean> {
  return (await readdir(folder)).every(name => name === 'state.json' || name.startsWith(TEMPORARY_PREFIX))
}

const isConfig = (value: unknown): value is ConfigRecord =>
  isObject(value) &&
  [value.id, value.name, value.created, value.imageId, value.path].every(field => typeof field === 'string') &&
  isObject(value.config) &&
  isObject(value.hostConfig) &&
  Array.isArray(value.args) &&
  Array.isArray(value.mounts)

const isState = (value: unknown): value is Partial<StateRecord> => isObject(value)

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

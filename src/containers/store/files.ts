/** A container's folder: where its files are, and how its two records are read and written. */

import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { overwrite, writeAtomically } from '../../kernel/atomic-file.ts'
import { hasCode } from '../../kernel/errors.ts'
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

/**
 * null: there is no config.json, so the container was never completely created.
 * @throws SyntaxError if config.json is there and broken: nobody but its owner may throw such a container away
 */
export async function readRecords(folder: string): Promise<{ config: ConfigRecord; state: StateRecord } | null> {
  const [config, state] = await Promise.all([
    readText(join(folder, 'config.json')),
    readText(join(folder, 'state.json')),
  ])
  if (config === null) return null
  return { config: JSON.parse(config) as ConfigRecord, state: parseState(state) }
}

/** A state that a power cut swallowed is that of a container which does not run. */
function parseState(text: string | null): StateRecord {
  if (text === null) return initialState()
  try {
    return { ...initialState(), ...(JSON.parse(text) as StateRecord) }
  } catch (error) {
    if (error instanceof SyntaxError) return initialState()
    throw error
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

/**
 * started.json and exit.json, which a shim leaves in its run folder: what happened while no daemon was there.
 * native/shim/records.c writes them, whole (rename), before it tells anybody.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatNs, parseNs } from '../../kernel/clock.ts'
import { hasCode, Unavailable } from '../../kernel/errors.ts'
import type { ExitRecord, StartedRecord } from './types.ts'

export const STARTED_FILE = 'started.json'
export const EXIT_FILE = 'exit.json'
export const SOCKET_FILE = 'shim.sock'

export async function readStartedRecord(runDir: string): Promise<StartedRecord | null> {
  const json = await readRecord(join(runDir, STARTED_FILE))
  return (
    json && {
      pid: Number(json.pid),
      startTicks: String(json.startTicks),
      shimPid: Number(json.shimPid),
      startedAt: timestamp(json.startedAt),
    }
  )
}

export async function readExitRecord(runDir: string): Promise<ExitRecord | null> {
  const json = await readRecord(join(runDir, EXIT_FILE))
  return (
    json &&
    exitRecord({
      pid: Number(json.pid),
      waitStatus: Number(json.waitStatus),
      finishedAt: timestamp(json.finishedAt),
      logEntriesLost: Number(json.logEntriesLost),
    })
  )
}

/** What follows from a wait status; see wait4(2), "WIFEXITED". */
export function exitRecord(facts: Omit<ExitRecord, 'exitCode' | 'signal'>): ExitRecord {
  const signal = facts.waitStatus & 0x7f
  const exitCode = signal === 0 ? (facts.waitStatus >> 8) & 0xff : 128 + signal
  return { ...facts, exitCode, signal }
}

/** With nine digits of the second always, like all of skiff's. */
function timestamp(value: unknown): string {
  const ns = parseNs(String(value))
  return formatNs(ns ?? 0n)
}

/** null: there is no such file. */
async function readRecord(path: string): Promise<Record<string, unknown> | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new Unavailable(`${path} is damaged`, { cause })
  }
}

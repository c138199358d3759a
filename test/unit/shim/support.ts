/** Shims under test: launched in folders of their own, ended with the test. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Program } from '../../../src/program/step.ts'
import { prepareAttach } from '../../../src/runtime/shim/attach.ts'
import { launchShim } from '../../../src/runtime/shim/shim.ts'
import type { AttachOptions, PreparedAttach, ShimHandle, ShimLaunch } from '../../../src/runtime/shim/types.ts'
import { disposeLater } from '../../support/disposal.ts'
import { launchOf } from './programs.ts'

export const SIGKILL = 9

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'skiff-shim-'))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export const attachOptions = (more: Partial<AttachOptions> = {}): AttachOptions => ({
  stdin: false,
  stdout: true,
  stderr: true,
  framed: false,
  detachKeys: Buffer.alloc(0),
  ...more,
})

export interface Launched {
  runDir: string
  shim: ShimHandle
  /** Of the clients that were attached before the start, in their order. */
  streams: Duplex[]
}

/** Launches a program; it is killed at the end of the test if it still runs. */
export async function launch(
  program: Program,
  { attach = [], ...more }: Partial<Omit<ShimLaunch, 'attach'>> & { attach?: AttachOptions[] } = {},
): Promise<Launched> {
  const runDir = more.runDir ?? (await newFolder())
  const clients: PreparedAttach[] = attach.map(prepareAttach)
  const shim = await launchShim(launchOf(runDir, program, { ...more, attach: clients }))
  disposeLater(async () => {
    shim.signal(SIGKILL)
    for (const client of clients) client.stream.destroy()
    await shim.exited.catch(() => {})
  })
  return { runDir, shim, streams: clients.map(client => client.stream) }
}

/** What a program prints, and its exit code. */
export async function outputOf(
  program: Program,
  more: Partial<ShimLaunch> = {},
): Promise<{ output: string; exitCode: number }> {
  const { shim, streams } = await launch(program, { ...more, attach: [attachOptions()] })
  const output = await text(streams[0]!)
  return { output, exitCode: (await shim.exited).exitCode }
}

/** Resolves with everything that came up to and including `wanted`. */
export function readUntil(stream: Duplex, wanted: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = ''
    const onData = (bytes: Buffer): void => {
      seen += bytes.toString('latin1')
      if (seen.includes(wanted)) settle(() => resolve(seen))
    }
    const onEnd = (): void =>
      settle(() => reject(new Error(`ended without ${JSON.stringify(wanted)}: ${JSON.stringify(seen)}`)))
    const settle = (how: () => void): void => {
      stream.off('data', onData)
      stream.off('end', onEnd)
      stream.pause()
      how()
    }
    stream.on('data', onData)
    stream.on('end', onEnd)
    stream.resume()
  })
}

export interface StreamFrame {
  stream: number
  text: string
}

/** Docker's multiplexed stream, taken apart. */
export function parseFrames(bytes: Buffer): StreamFrame[] {
  const frames: StreamFrame[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4)
    frames.push({ stream: bytes[at]!, text: bytes.toString('utf8', at + 8, at + 8 + length) })
    at += 8 + length
  }
  return frames
}

/** Private memory of a process, in bytes. */
export async function privateBytes(pid: number): Promise<number> {
  const smaps = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kilobytes = [...smaps.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)].map(match => Number(match[1]))
  return kilobytes.reduce((sum, value) => sum + value, 0) * 1024
}

/**
 * Shims made before they are needed. To execute a program takes the kernel longer than all that a shim does until its process lives;
 * the daemon therefore keeps a few that wait for their launch (native/shim/ahead.c). They end with the daemon: their connection does.
 */

import { closeSync } from 'node:fs'
import { reapChild } from '../../kernel/pidfd.ts'
import { sendDescriptors, socketPair } from '../../kernel/sockets.ts'
import { spawn } from '../../kernel/spawn.ts'
import { AHEAD } from '../../program/abi.ts'

/** A shim's process, and our end of the connection to it. */
export interface BornShim {
  pid: number
  control: number
}

const KEPT = 2
/** In the middle of many starts nobody is made ahead: that would only be in their way. */
const QUIET_MS = 5
/** An id has as many characters: ps(1) shows it in this place. */
const PLACEHOLDER = String.fromCharCode(AHEAD.PLACEHOLDER).repeat(64)
const REAP_AGAIN_MS = 2
const MOST_REAPS = 500

let waiting: BornShim[] = []
let isKept = false
let timer: NodeJS.Timeout | null = null
let making: Promise<void> = Promise.resolve()

/** From now on, after each start. For the daemon; whoever calls this calls dismissShims(). */
export function keepShimsAhead(): void {
  isKept = true
}

/** Gives the launch to a shim that waits. `fds` as in SHIM_FD, but without the control connection. null: none waits. */
export function launchAhead(id: string, fds: readonly number[]): BornShim | null {
  if (id.length !== PLACEHOLDER.length || fds.length > AHEAD.MOST) return null
  for (;;) {
    const shim = waiting.shift()
    if (!shim) return null
    if (sendDescriptors(shim.control, Buffer.from(id), fds)) return shim
    // Somebody has killed it.
    closeSync(shim.control)
    reapSoon(shim.pid)
  }
}

/** Makes up for those that were taken, when it is quiet. */
export function refillSoon(argv0: string, executable: number): void {
  if (!isKept) return
  if (timer !== null) clearTimeout(timer)
  timer = setTimeout(() => {
    timer = null
    making = making.then(() => refill(argv0, executable))
  }, QUIET_MS)
  timer.unref()
}

async function refill(argv0: string, executable: number): Promise<void> {
  while (isKept && waiting.length < KEPT) {
    const [ours, theirs] = socketPair()
    try {
      const pid = await spawn({ executable, argv: [argv0, PLACEHOLDER], fds: [theirs] })
      waiting.push({ pid, control: ours })
    } catch {
      // A start will meet the same, and say so.
      closeSync(ours)
      return
    } finally {
      closeSync(theirs)
    }
  }
}

/** Resolves when none is left. */
export async function dismissShims(): Promise<void> {
  isKept = false
  if (timer !== null) clearTimeout(timer)
  timer = null
  await making
  const dismissed = waiting
  waiting = []
  for (const { control } of dismissed) closeSync(control)
  await Promise.all(dismissed.map(({ pid }) => reaped(pid)))
}

async function reaped(pid: number): Promise<void> {
  for (let times = 0; times < MOST_REAPS && !reapChild(pid); times++) {
    await new Promise(resolve => setTimeout(resolve, REAP_AGAIN_MS))
  }
}

/** A shim closes its connections a moment before it can be reaped. */
export function reapSoon(pid: number): void {
  if (!reapChild(pid)) setTimeout(() => reapSoon(pid), REAP_AGAIN_MS).unref()
}

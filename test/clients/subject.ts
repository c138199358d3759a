/**
 * The engine that these suites put real clients in front of: skiff's daemon. SKIFF_TEST_SUBJECT=docker takes the reference engine in
 * its place: what a suite expects must hold there first.
 */

import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

export const isReference = process.env.SKIFF_TEST_SUBJECT === 'docker'

/** The engine as `docker` is pointed at it. */
export async function startSubject(): Promise<Engine> {
  const engine = isReference ? await startReferenceEngine() : await startDaemon()
  return Object.defineProperty(engine, 'command', { value: ['docker', '-H', `unix://${engine.socket}`] })
}

/** The probe (test/probe) as a container's process: what does it see? */

import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Json } from './client.ts'
import { run } from './containers.ts'
import type { Engine } from './engine.ts'
import { fixture, importImage } from './images.ts'
import { comparableReport } from './probe-report.ts'

const BUILD = fileURLToPath(new URL('../../build', import.meta.url))
const PROBE = fileURLToPath(new URL('../probe', import.meta.url))

/** The name of the image that importProbe makes. */
export const PROBE_IMAGE = 'probe:latest'

/** Builds what is out of date, one caller at a time. `archive`: busybox with /probe in it. */
export async function buildProbe(): Promise<{ program: string; archive: string }> {
  await mkdir(BUILD, { recursive: true })
  const make = [
    'make',
    '-s',
    '-C',
    PROBE,
    `ROOTFS=${await fixture('busybox.tar')}`,
    '../../build/probe',
    '../../build/probe.tar',
  ]
  await promisify(execFile)('flock', [join(BUILD, 'probe.lock'), ...make])
  return { program: join(BUILD, 'probe'), archive: join(BUILD, 'probe.tar') }
}

/** busybox with /probe, as the image probe:latest. */
export async function importProbe(engine: Engine): Promise<void> {
  await importImage(engine, (await buildProbe()).archive, PROBE_IMAGE, ['CMD ["/probe"]'])
}

/** Runs the probe in a new container made from `spec`: its report, made comparable with another engine's. */
export async function probe(engine: Engine, spec: object = {}, args: string[] = ['--attempts']): Promise<Json> {
  const { id, exitCode, stdout, stderr } = await run(engine, { Image: PROBE_IMAGE, Cmd: ['/probe', ...args], ...spec })
  if (exitCode !== 0) throw new Error(`the probe ended with ${exitCode}: ${stderr}${stdout.slice(-1000)}`)
  return comparableReport(stdout, engine, id)
}

/** The reference engine for a test: Debian's dockerd by reference-engine.sh, which says what it shares with the machine. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { EngineApi } from './client.ts'
import { disposeLater } from './disposal.ts'
import type { Engine } from './engine.ts'
import { RUN } from './machine.ts'

const script = fileURLToPath(new URL('reference-engine.sh', import.meta.url))
const lenientRunc = fileURLToPath(new URL('lenient-runc.sh', import.meta.url))
const run = promisify(execFile)

export interface ReferenceOptions {
  /** Further options of dockerd. */
  args?: string[]
  /** Lets --privileged work where root lacks a capability; see lenient-runc.sh. Costs a shell per start: not for figures. */
  lenient?: boolean
  /** Where to put the engine's folder; /tmp by default. */
  parent?: string
}

/**
 * Starts a dockerd of its own (0.6 s) with its files in a new folder.
 * It is stopped and removed at the end of the test, or of the file when it was started in beforeAll.
 */
export async function startReferenceEngine({
  args = [],
  lenient = false,
  parent = tmpdir(),
}: ReferenceOptions = {}): Promise<Engine> {
  const folder = await mkdtemp(join(parent, `skiff-test-${RUN}-ref-`))
  const runtime = lenient ? ['--add-runtime', `lenient=${lenientRunc}`, '--default-runtime', 'lenient'] : []
  await run(script, ['start', folder, ...runtime, ...args])
  const socket = join(folder, 'docker.sock')
  const api = new EngineApi(socket)
  const stop = async () => {
    api.close()
    await run(script, ['stop', folder])
  }
  const dispose = disposeLater(stop)
  return {
    name: 'docker',
    command: ['docker', '-H', `unix://${socket}`],
    folder,
    socket,
    api,
    cgroupParent: (await readFile(join(folder, 'cgroup-parent'), 'utf8')).trim(),
    daemonPid: async () => Number(await readFile(join(folder, 'docker.pid'), 'utf8')),
    log: () => readFile(join(folder, 'dockerd.log'), 'utf8'),
    stop: dispose,
  }
}

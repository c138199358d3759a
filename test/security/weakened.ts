/** Starts with a defence taken out: what an attack does where it works. */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Step } from '../../src/program/step.ts'
import { planContainer } from '../../src/runtime/runtime.ts'
import { prepareAttach } from '../../src/runtime/shim/attach.ts'
import { launchShim } from '../../src/runtime/shim/shim.ts'
import type { ContainerSpec } from '../../src/runtime/spec.ts'
import type { Sandbox } from '../unit/runtime/sandbox.ts'

let launches = 0

/** Runs the container with its program changed by `weaken`, which no rule of order checks any more; its output. */
export async function runWeakened(
  sandbox: Sandbox,
  spec: ContainerSpec,
  weaken: (steps: readonly Step[]) => readonly Step[],
): Promise<string> {
  const { program, before, ...rest } = await planContainer(spec, 'null')
  const runDir = join(sandbox.folder, `run/weakened-${launches++}`)
  await mkdir(runDir, { mode: 0o700 })
  const client = prepareAttach({
    stdin: false,
    stdout: true,
    stderr: true,
    framed: false,
    detachKeys: Buffer.alloc(0),
  })
  const output = text(client.stream)
  const handle = await launchShim({
    ...rest,
    ...(before && { before }),
    program: { ...program, steps: weaken(program.steps) },
    id: spec.id,
    runDir,
    terminal: spec.process.terminal,
    stdin: 'null',
    log: null,
    attach: [client],
  })
  await handle.exited
  return output
}

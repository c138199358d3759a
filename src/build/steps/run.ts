/** RUN: a command in a container, whose writes become a layer. Dockerfile reference, "RUN". */

import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PLAIN_MOUNT } from '../../containers/create/bind-spec.ts'
import type { ContainerMount } from '../../containers/store/record.ts'
import { undoAfterwards } from '../../kernel/undo.ts'
import type { Location } from '../dockerfile/error.ts'
import type { Heredoc } from '../dockerfile/lines.ts'
import type { InstructionOf } from '../dockerfile/types.ts'
import { BuildCancelled, BuildFailed } from '../failure.ts'
import { findMount, openMounts } from '../mounts/open.ts'
import { parseRunMount } from '../mounts/parse.ts'
import type { Scope } from '../scope.ts'
import { keyOf, type State } from '../state.ts'
import type { Workshop } from '../workshop.ts'
import { argvOf } from './configure.ts'
import { runProcess, type StepProcess } from './container.ts'
import type { StepPlan } from './step.ts'

export async function planRun(
  workshop: Workshop,
  state: State,
  scope: Scope,
  instruction: InstructionOf<'run'>,
  step: number,
): Promise<StepPlan> {
  const { config } = state
  const argv = argvOf(config, instruction.command)
  const { counted, all } = scope.argsFor(config)
  const { word } = scope.expansion(config)
  const cwd = config.workingDir || '/'
  const asked = instruction.mounts.map(text => parseRunMount(text, word))
  const mounts = await Promise.all(asked.map(mount => findMount(workshop, mount, cwd, step)))
  const script = scriptOf(instruction)
  const shown = [...(counted.length > 0 ? [`|${counted.length}`, ...counted] : []), ...argv].join(' ')
  return {
    key: keyOf(
      state.key,
      'run',
      argv,
      counted,
      instruction.network,
      mounts.map(({ key }) => key),
    ),
    createdBy: shown,
    write: (root, id) =>
      undoAfterwards(async undo => {
        const opened = await openMounts(workshop, mounts, undo)
        if (script !== null) opened.mounts.push(await scriptMount(workshop, script))
        workshop.tell({ kind: 'running', step, container: id })
        const { container } = workshop.request
        const process: StepProcess = {
          id,
          argv: script === null ? argv : [placeOf(script)],
          env: [...config.env, ...all, ...opened.env],
          cwd,
          user: config.user,
          root,
          rootKey: `build ${state.chain.at(-1) ?? 'scratch'}`,
          config: container.config,
          host: container.host,
          networkMode: networkMode(workshop, instruction),
          mounts: opened.mounts,
          onOutput: tellOutput(workshop, step),
        }
        const code = await runProcess(workshop.context, process, workshop.signal, workshop.later)
        if (workshop.signal.aborted) throw new BuildCancelled()
        if (code !== 0) throw failed(argv, code, instruction.location)
      }),
  }
}

/** A character may come in two pieces. */
function tellOutput({ tell }: Workshop, step: number): StepProcess['onOutput'] {
  const decode = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  return (stream, bytes) => tell({ kind: 'output', step, stream, text: decode[stream].decode(bytes, { stream: true }) })
}

/** Where a script stands that brings its own interpreter. */
const placeOf = ({ name }: Heredoc): string => `/dev/pipes/${name.replaceAll('/', '_')}`

/** `RUN <<EOF` whose first line is `#!`: null for anything else, which the shell reads. */
function scriptOf({ command, heredocs: [only, ...others] }: InstructionOf<'run'>): Heredoc | null {
  const isScript = command.form === 'shell' && others.length === 0 && command.line === only?.content
  return isScript && only.content.startsWith('#!') ? only : null
}

async function scriptMount({ scratchFolder }: Workshop, script: Heredoc): Promise<ContainerMount> {
  const folder = await mkdtemp(join(scratchFolder, 'script-'))
  const source = join(folder, 'script')
  await writeFile(source, script.content, { mode: 0o755 })
  await chmod(source, 0o755)
  return { ...PLAIN_MOUNT, type: 'volume', source, destination: placeOf(script), rw: false, propagation: 'rprivate' }
}

const networkMode = ({ request }: Workshop, { network }: InstructionOf<'run'>): string =>
  network === '' || network === 'default' ? request.container.host.networkMode : network

/** In Docker's words, which clients look for. */
const failed = (argv: readonly string[], code: number, location: Location): BuildFailed =>
  new BuildFailed(`The command '${argv.join(' ')}' returned a non-zero code: ${code}`, code, location, '')

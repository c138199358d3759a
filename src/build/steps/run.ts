/** RUN: a command in a container, whose writes become a layer. Dockerfile reference, "RUN". */

import type { Location } from '../dockerfile/error.ts'
import type { InstructionOf } from '../dockerfile/types.ts'
import { BuildCancelled, BuildFailed } from '../failure.ts'
import type { Scope } from '../scope.ts'
import { keyOf, type State } from '../state.ts'
import type { Workshop } from '../workshop.ts'
import { argvOf } from './configure.ts'
import { runProcess } from './container.ts'
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
  const shown = [...(counted.length > 0 ? [`|${counted.length}`, ...counted] : []), ...argv].join(' ')
  return {
    key: keyOf(state.key, 'run', argv, counted, instruction.network),
    createdBy: shown,
    write: async (root, id) => {
      workshop.tell({ kind: 'running', step, container: id })
      const decode = { stdout: new TextDecoder(), stderr: new TextDecoder() }
      const code = await runProcess(
        workshop.context,
        {
          id,
          argv,
          env: [...config.env, ...all],
          cwd: config.workingDir || '/',
          user: config.user,
          root,
          rootKey: `build ${state.chain.at(-1) ?? 'scratch'}`,
          config: workshop.request.container.config,
          host: workshop.request.container.host,
          networkMode: networkMode(workshop, instruction),
          mounts: [],
          onOutput: (stream, bytes) => {
            workshop.tell({ kind: 'output', step, stream, text: decode[stream].decode(bytes, { stream: true }) })
          },
        },
        workshop.signal,
      )
      if (workshop.signal.aborted) throw new BuildCancelled()
      if (code !== 0) throw failed(argv, code, instruction.location)
    },
  }
}

const networkMode = ({ request }: Workshop, { network }: InstructionOf<'run'>): string =>
  network === '' || network === 'default' ? request.container.host.networkMode : network

/** In Docker's words, which clients look for. */
const failed = (argv: readonly string[], code: number, location: Location): BuildFailed =>
  new BuildFailed(`The command '${argv.join(' ')}' returned a non-zero code: ${code}`, code, location, '')

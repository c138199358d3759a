/** One stage, from its FROM to its last step. */

import { DEFAULT_PATH } from '../containers/spec/process.ts'
import type { Image, ImageId } from '../images/types.ts'
import { InvalidParameter, SkiffError } from '../kernel/errors.ts'
import { DockerfileError, type Location } from './dockerfile/error.ts'
import { expandText } from './dockerfile/expand.ts'
import { parseTrigger } from './dockerfile/parse.ts'
import type { Instruction } from './dockerfile/types.ts'
import { BuildCancelled, BuildFailed } from './failure.ts'
import type { Plan, Stage } from './plan.ts'
import { Scope } from './scope.ts'
import { keyOf, type State, scratch, stateOf } from './state.ts'
import { type Configured, configure, isConfig, nop } from './steps/configure.ts'
import { planCopy } from './steps/copy.ts'
import { ownerNamed } from './steps/owner.ts'
import { planRun } from './steps/run.ts'
import { perform, type StepPlan } from './steps/step.ts'
import type { Workshop } from './workshop.ts'

/** What others may build upon. */
export interface StageResult {
  state: State
  scope: Scope
}

/** An image that says nothing of PATH gets Docker's, so that what is built on it can be found. */
const withPath = (state: State): State =>
  state.config.env.some(entry => entry.startsWith('PATH='))
    ? state
    : { ...state, config: { ...state.config, env: [...state.config.env, DEFAULT_PATH] } }

export class StageBuilder {
  readonly #workshop: Workshop
  readonly #plan: Plan
  readonly #stage: Stage
  readonly #baseOf: (stage: Stage) => Promise<{ image: Image | null; base: StageResult | null }>
  #state: State = scratch()
  #scope: Scope
  #cmdSet = false
  /** The last step's image. */
  #kept: ImageId | undefined

  constructor(
    workshop: Workshop,
    plan: Plan,
    stage: Stage,
    baseOf: (stage: Stage) => Promise<{ image: Image | null; base: StageResult | null }>,
  ) {
    this.#workshop = workshop
    this.#plan = plan
    this.#stage = stage
    this.#baseOf = baseOf
    this.#scope = this.#newScope(null)
  }

  async run(): Promise<StageResult> {
    const { firstStep, from, steps } = this.#stage
    await this.#timed(firstStep, from, async () => {
      const triggers = await this.#begin()
      for (const trigger of triggers) await this.#execute(trigger, firstStep)
      return false
    })
    for (const [index, instruction] of steps.entries()) {
      const step = firstStep + 1 + index
      await this.#timed(step, instruction, () => this.#execute(instruction, step))
    }
    return { state: this.#state, scope: this.#scope }
  }

  #newScope(inherited: Scope | null): Scope {
    const { escapeChar, request } = this.#workshop
    return new Scope(escapeChar, request.buildArgs, this.#plan.globals, inherited)
  }

  /** The base's state; answers the triggers that it brings. */
  async #begin(): Promise<Instruction[]> {
    const { image, base } = await this.#baseOf(this.#stage)
    if (base !== null) {
      this.#state = base.state
      this.#scope = this.#newScope(base.scope)
    } else if (image !== null) this.#state = stateOf(image)
    const { epoch } = this.#workshop
    if (epoch !== null) this.#state = { ...this.#state, key: keyOf(this.#state.key, 'epoch', epoch) }
    this.#state = withPath(this.#state)
    const { onBuild } = this.#state.config
    if (onBuild.length === 0) return []
    this.#state = { ...this.#state, config: { ...this.#state.config, onBuild: [] }, image: undefined }
    const { location } = this.#stage.from
    return onBuild.map(text => parseTrigger(text, { ...location, heredocs: [] }, '\\'))
  }

  async #timed(step: number, instruction: Instruction, work: () => Promise<boolean>): Promise<void> {
    const { tell, signal } = this.#workshop
    if (signal.aborted) throw new BuildCancelled()
    const { location } = instruction
    const began = performance.now()
    tell({
      kind: 'begin',
      step,
      stage: this.#stage.name || String(this.#stage.index),
      text: location.text,
      line: location.line,
    })
    try {
      const cached = await work()
      const image = this.#keep()
      const since = this.#workshop.resumed.get(step) ?? began
      tell({ kind: 'end', step, cached, image, ms: performance.now() - since })
    } catch (error) {
      throw await this.#failed(error, location)
    }
  }

  #keep(): string {
    const { request } = this.#workshop
    if (!request.keepSteps || this.#state.history.length === 0) return this.#state.image ?? ''
    const image = this.#workshop.keeper.step(this.#state, this.#kept)
    this.#state = { ...this.#state, image }
    this.#kept = image
    return image
  }

  async #failed(error: unknown, location: Location): Promise<unknown> {
    if (error instanceof BuildCancelled || this.#workshop.signal.aborted) return new BuildCancelled()
    if (error instanceof BuildFailed && error.image !== '') return error
    const image = this.#state.chain.length > 0 ? await this.#workshop.keeper.keep(this.#state) : ''
    if (error instanceof BuildFailed) return new BuildFailed(error.message, error.code, location, image)
    if (error instanceof DockerfileError) return error
    if (error instanceof SkiffError) return new BuildFailed(error.message, 1, location, image, { cause: error })
    return error
  }

  /** Answers whether it was there already. */
  async #execute(instruction: Instruction, step: number): Promise<boolean> {
    const plan = await this.#planStep(instruction, step)
    const { state, cached } = await perform(this.#workshop, this.#state, plan)
    this.#state = state
    return cached
  }

  #planStep(instruction: Instruction, step: number): Promise<StepPlan> | StepPlan {
    if (instruction.kind === 'run') {
      return planRun(this.#workshop, this.#state, this.#scope, instruction, step)
    }
    if (instruction.kind === 'copy' || instruction.kind === 'add') {
      const expanded = { ...instruction, heredocs: instruction.heredocs.map(doc => this.#expandHeredoc(doc)) }
      return planCopy(this.#workshop, this.#state, this.#scope, expanded, step)
    }
    if (instruction.kind === 'arg') {
      const shown = this.#scope.declare(instruction, this.#state.config)
      return this.#configPlan(
        { config: this.#state.config, createdBy: `${nop(this.#state.config)} ARG ${shown}` },
        false,
      )
    }
    if (!isConfig(instruction)) throw new InvalidParameter(`${instruction.kind} is not possible here`)
    const expansion = this.#scope.expansion(this.#state.config)
    const configured = configure(this.#state.config, instruction, expansion, this.#cmdSet)
    if (instruction.kind === 'cmd') this.#cmdSet = true
    return this.#configPlan(configured, instruction.kind === 'workdir')
  }

  #expandHeredoc<T extends { content: string; expand: boolean }>(doc: T): T {
    if (!doc.expand) return doc
    const { word } = this.#scope.expansion(this.#state.config)
    const variables = (name: string): string => word(`\${${name}}`)
    return { ...doc, content: expandText(doc.content, variables, this.#workshop.escapeChar) }
  }

  #configPlan({ config, author, createdBy }: Configured, makesFolder: boolean): StepPlan {
    const { snapshots } = this.#workshop
    const path = config.workingDir
    return {
      key: keyOf(this.#state.key, 'config', createdBy, ...(makesFolder ? [config.user] : [])),
      createdBy,
      config,
      ...(author !== undefined && { author }),
      write: makesFolder
        ? async into => {
            const owner = ownerNamed(this.#workshop, into, config.user)
            await snapshots.workers.run('makeFolderIn', { into, path, owner })
          }
        : null,
    }
  }
}

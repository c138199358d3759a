/** Stages as a graph: which are needed for the one that is asked for, and what each stands on. */

import { DockerfileError, type Location } from './dockerfile/error.ts'
import { expandWord, type Variables } from './dockerfile/expand.ts'
import type { Dockerfile, Instruction, InstructionOf } from './dockerfile/types.ts'
import { mountFields } from './mounts/fields.ts'
import { platformArgs } from './platform.ts'
import type { BuildRequest } from './types.ts'

export type Base = { kind: 'scratch' } | { kind: 'stage'; index: number } | { kind: 'image'; reference: string }

export interface Stage {
  index: number
  name: string
  from: InstructionOf<'from'>
  base: Base
  steps: Instruction[]
  /** Stages whose files or state it takes. */
  needs: Set<number>
  /** What its steps name after `from`, by that name. */
  sources: Map<string, number>
  /** The number of its FROM among all steps of the build, from 1. */
  firstStep: number
}

export interface Plan {
  /** Only those that are needed, in the Dockerfile's order. */
  stages: Stage[]
  target: Stage
  total: number
  /** What ARG before the first FROM says. */
  globals: Map<string, string | undefined>
}

/** @throws DockerfileError */
export function planBuild(file: Dockerfile, request: BuildRequest): Plan {
  const globals = globalArgs(file, request)
  const all = stagesOf(file, request, globals)
  const target = targetOf(all, request.target)
  const needed = new Set<number>()
  const need = (index: number): void => {
    if (needed.has(index)) return
    needed.add(index)
    for (const other of all[index]!.needs) need(other)
  }
  need(target.index)
  const labels = Object.entries(request.labels)
  for (const label of labels.sort(([a], [b]) => (a < b ? -1 : 1)))
    target.steps.push(labelStep(label, target.from.location))
  const stages = all.filter(({ index }) => needed.has(index))
  let step = 1
  for (const stage of stages) {
    stage.firstStep = step
    step += 1 + stage.steps.length
  }
  return { stages, target, total: step - 1, globals }
}

/** What --label says comes last, each as an instruction of its own. */
function labelStep([name, value]: [string, string], location: Location): Instruction {
  const single = (text: string): string => `'${text.replaceAll("'", "'\"'\"'")}'`
  return {
    kind: 'label',
    pairs: [[single(name), single(value)]],
    location: { ...location, text: `LABEL ${name}=${value}` },
  }
}

function globalArgs({ instructions, escapeChar }: Dockerfile, { buildArgs }: BuildRequest): Plan['globals'] {
  const values = new Map<string, string | undefined>(Object.entries(platformArgs()))
  for (const instruction of instructions) {
    if (instruction.kind === 'from') break
    if (instruction.kind !== 'arg') {
      throw new DockerfileError('no build stage in current context', instruction.location)
    }
    for (const { name, value } of instruction.args) {
      const given = buildArgs[name]
      const own = value === undefined ? values.get(name) : expandWord(value, key => values.get(key), escapeChar)
      values.set(name, given ?? own)
    }
  }
  return values
}

function stagesOf({ instructions, escapeChar }: Dockerfile, request: BuildRequest, globals: Plan['globals']): Stage[] {
  const stages: Stage[] = []
  for (const instruction of instructions) {
    if (instruction.kind === 'from')
      stages.push(stageOf(instruction, stages, request, name => globals.get(name), escapeChar))
    else stages.at(-1)?.steps.push(instruction)
  }
  if (stages.length === 0) throw new DockerfileError('no build stage in current context', null)
  for (const stage of stages) linkSources(stages, stage, request)
  for (const stage of stages) refuseCircle(stages, stage)
  return stages
}

/** Stages may be used before they are written down, as BuildKit has it; an earlier one of the same name comes first. */
function linkSources(stages: readonly Stage[], stage: Stage, { contexts }: BuildRequest): void {
  for (const step of stage.steps) {
    for (const name of sourcesOf(step)) {
      if (contexts[name] !== undefined) continue
      const earlier = stages.slice(0, stage.index)
      const other =
        findStage(earlier, name) ?? stages.find(later => later.name !== '' && later.name === name.toLowerCase())
      // A number is no image.
      if (other === undefined && /^\d+$/.test(name)) {
        const why = `there is no stage ${name} before line ${step.location.line}`
        throw new DockerfileError(`invalid from flag value ${name}: ${why}`, step.location)
      }
      if (other === undefined) continue
      stage.needs.add(other.index)
      stage.sources.set(name, other.index)
    }
  }
}

/** A stage that waits for itself would wait for ever. */
function refuseCircle(stages: readonly Stage[], stage: Stage): void {
  const seen = new Set<number>()
  const visit = (index: number): void => {
    if (index === stage.index)
      throw new DockerfileError(
        `circular dependency detected on stage: ${stage.name || stage.index}`,
        stage.from.location,
      )
    if (seen.has(index)) return
    seen.add(index)
    for (const other of stages[index]!.needs) visit(other)
  }
  for (const other of stage.needs) visit(other)
}

function stageOf(
  from: InstructionOf<'from'>,
  earlier: readonly Stage[],
  request: BuildRequest,
  variables: Variables,
  escapeChar: string,
): Stage {
  const reference = expandWord(from.image, variables, escapeChar)
  if (reference === '') {
    throw new DockerfileError(`base name (${from.image}) should not be blank`, from.location)
  }
  checkPlatform(expandWord(from.platform, variables, escapeChar) || request.platform, from.location)
  const other = earlier.find(({ name }) => name !== '' && name === reference.toLowerCase())
  const base: Base =
    other !== undefined
      ? { kind: 'stage', index: other.index }
      : reference === 'scratch'
        ? { kind: 'scratch' }
        : { kind: 'image', reference }
  const needs = new Set(other === undefined ? [] : [other.index])
  return { index: earlier.length, name: from.name, from, base, steps: [], needs, sources: new Map(), firstStep: 0 }
}

/** Commands of other architectures could not be run. */
function checkPlatform(platform: string, location: Location): void {
  const [os = '', architecture] = platform.split('/')
  const own = platformArgs()
  if (platform === '' || (os === 'linux' && (architecture === undefined || architecture === own.TARGETARCH))) return
  throw new DockerfileError(
    `platform ${platform} is refused: this machine builds for ${own.TARGETPLATFORM} alone`,
    location,
  )
}

/** What an instruction names after --from or from=. */
function sourcesOf(step: Instruction): string[] {
  if (step.kind === 'copy') return step.from === '' ? [] : [step.from]
  if (step.kind !== 'run') return []
  return step.mounts.map(text => mountFields(text).get('from') ?? '').filter(name => name !== '')
}

/** The stage of a step, and what it means by a name: also one that a trigger of its base brings, if that stage came before it. */
export function sourceStage({ stages }: Plan, step: number, name: string): Stage | undefined {
  const own = stages.findLast(({ firstStep }) => firstStep <= step)
  const index = own?.sources.get(name)
  if (index !== undefined) return stages.find(stage => stage.index === index)
  return findStage(
    stages.filter(stage => stage.index < (own?.index ?? 0)),
    name,
  )
}

/** By name, or by number from 0. */
const findStage = (stages: readonly Stage[], name: string): Stage | undefined =>
  stages.findLast(stage => stage.name !== '' && stage.name === name.toLowerCase()) ??
  (/^\d+$/.test(name) ? stages.find(({ index }) => index === Number(name)) : undefined)

function targetOf(stages: readonly Stage[], target: string): Stage {
  if (target === '') return stages.at(-1)!
  const found = findStage(stages, target)
  if (found === undefined) throw new DockerfileError(`failed to reach build target ${target} in Dockerfile`, null)
  return found
}

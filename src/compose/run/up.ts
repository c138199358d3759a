/** `up` and `create`: makes what a project says of what there is. */

import type { Engine } from '../../client/engine.ts'
import { ensureImages, type ImagePolicy, type ImageSupply } from '../engine/images.ts'
import { type Observed, observe } from '../engine/observe.ts'
import { selectServices } from '../plan/order.ts'
import type { Plan } from '../plan/plan.ts'
import { orphansOf, type Recreate, reconcile } from '../plan/reconcile.ts'
import type { Project, Service } from '../project.ts'
import { execute, type Outcome } from './execute.ts'
import { Performer } from './perform.ts'
import type { Surroundings } from './report.ts'

export interface UpRequest {
  readonly engine: Engine
  readonly project: Project
  /** No names: all services. */
  readonly services: readonly string[]
  readonly withDependencies: boolean
  readonly images: ImagePolicy
  readonly scale: Readonly<Record<string, number>>
  readonly recreate: Recreate
  readonly recreateDependencies: Recreate
  readonly start: boolean
  readonly removeOrphans: boolean
  readonly ignoreOrphans: boolean
  readonly timeoutS?: number | undefined
  readonly renewVolumes: boolean
  readonly around: Surroundings
  readonly supply: ImageSupply
  /** Their networks and volumes are made too. */
  readonly resourcesOf?: readonly Service[]
}

export interface UpResult extends Outcome {
  readonly services: readonly Service[]
  readonly plan: Plan
  readonly performer: Performer
  readonly observed: Observed
}

/** @throws Error for what is wrong before anything was done; later failures are in the outcome */
export async function up(request: UpRequest): Promise<UpResult> {
  const { engine, project, around } = request
  const services =
    request.resourcesOf && request.services.length === 0
      ? []
      : selectServices(project, request.services, request.withDependencies)
  for (const name of Object.keys(request.scale))
    if (!project.services[name]) throw new Error(`no such service: ${name}`)
  const images = await ensureImages(engine, project, services, request.images, request.supply)
  const observed = await observe(engine, project.name)
  const plan = reconcile(project, observed, {
    services,
    targets: new Set(request.services.length > 0 ? request.services : services.map(({ name }) => name)),
    scale: request.scale,
    recreate: request.recreate,
    recreateDependencies: request.recreateDependencies,
    start: request.start,
    removeOrphans: request.removeOrphans,
    images,
    resourcesOf: request.resourcesOf ?? [],
  })
  if (!request.removeOrphans && !request.ignoreOrphans) warnOfOrphans(project, observed, around)
  const { timeoutS, renewVolumes } = request
  reportRunning(services, observed, plan, around)
  const performer = new Performer({
    engine,
    project,
    observed,
    images,
    around,
    timeoutS,
    renewVolumes,
  })
  return { ...(await execute(plan, performer.perform, around.signal)), services, plan, performer, observed }
}

/** Those that stay as they are. */
function reportRunning(services: readonly Service[], { containers }: Observed, plan: Plan, around: Surroundings): void {
  const touched = plan.flatMap(({ deed }) =>
    'container' in deed ? [deed.container.id] : 'old' in deed ? [deed.old.id] : [],
  )
  for (const { id, name, service, running, oneoff } of containers)
    if (running && !oneoff && !touched.includes(id) && services.some(item => item.name === service))
      around.report({ id: `Container ${name}`, text: 'Running', done: true })
}

function warnOfOrphans(project: Project, observed: Observed, around: Surroundings): void {
  const orphans = orphansOf(project, observed).map(({ name }) => name)
  if (orphans.length > 0)
    around.warn(
      `Found orphan containers ([${orphans.join(' ')}]) for this project. If you removed or renamed this service in your compose file, you can run this command with the --remove-orphans flag to clean it up.`,
    )
}

/** What of the services runs, and what does not, after a failure. */
export function leftBehind({ plan, done }: UpResult): { started: string[]; notStarted: string[] } {
  const names = (operations: Plan) => operations.flatMap(({ deed }) => (deed.do === 'start' ? [deed.name] : []))
  const started = names(done)
  return { started, notStarted: names(plan).filter(name => !started.includes(name)) }
}

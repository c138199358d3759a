/** Starting containers that exist, each when what it depends on is as it wants it. */

import type { Engine } from '../../client/engine.ts'
import { LABEL } from '../engine/labels.ts'
import type { Container } from '../engine/observe.ts'
import { type Condition, type Plan, PlanBuilder } from '../plan/plan.ts'
import type { Project, Service } from '../project.ts'
import { execute } from './execute.ts'
import { Performer } from './perform.ts'
import type { Surroundings } from './report.ts'

/** @throws the first failure */
export async function startExisting(
  engine: Engine,
  project: Project | undefined,
  containers: readonly Container[],
  around: Surroundings,
  onStarted?: (name: string) => void,
): Promise<void> {
  const performer = new Performer({
    engine,
    project: project ?? NO_PROJECT,
    observed: { containers, networks: [], volumes: [] },
    images: {},
    around,
    onStarted,
  })
  const { failure } = await execute(planStarts(project, containers), performer.perform, around.signal)
  if (failure) throw failure
}

/** What is known of a project without its files. */
const NO_PROJECT: Project = {
  name: '',
  folder: '',
  files: [],
  services: {},
  inactive: {},
  networks: {},
  volumes: {},
  secrets: {},
  configs: {},
  extensions: {},
  environment: {},
}

function planStarts(project: Project | undefined, containers: readonly Container[]): Plan {
  const build = new PlanBuilder()
  const started = new Map<string, number[]>()
  const visit = (name: string): number[] => {
    const known = started.get(name)
    if (known) return known
    started.set(name, [])
    const own = containers.filter(({ service }) => service === name)
    const first = own[0]
    if (!first) return []
    const service = serviceFor(project, first)
    const waits = Object.entries(service.depends_on ?? {}).flatMap(([next, { condition, required }]) => {
      const before = visit(next)
      const names = containers.filter(item => item.service === next).map(item => item.name)
      if (condition === 'service_started' || names.length === 0) return before
      return [build.add({ do: 'await', service: { name: next } as Service, names, condition, required }, before)]
    })
    const ids = own
      .filter(({ running }) => !running)
      .map(item => build.add({ do: 'start', service, name: item.name }, waits))
    started.set(name, ids)
    return ids
  }
  for (const { service } of containers) visit(service)
  return build.operations
}

/** As the file says, or as the labels remember. */
export function serviceFor(project: Project | undefined, { service, labels }: Container): Service {
  const written = project?.services[service] ?? project?.inactive[service]
  if (written) return written
  const depends_on = Object.fromEntries(
    (labels[LABEL.dependsOn] ?? '').split(',').flatMap(text => {
      const [name = '', condition = 'service_started'] = text.split(':')
      return name ? [[name, { condition: condition as Condition, required: true }]] : []
    }),
  )
  return { name: service, depends_on } as Service
}

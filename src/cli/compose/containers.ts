/** The containers that a command names by their services. */

import { type Container, findContainers } from '../../compose/engine/observe.ts'
import type { Project } from '../../compose/project.ts'
import { reported, type Surroundings } from '../../compose/run/report.ts'
import { CommandError } from '../errors.ts'
import { checkServices, openNamed, surroundings } from './project.ts'
import type { ComposeContext } from './subcommand.ts'

type AnyContext = Pick<ComposeContext, 'session' | 'engine' | 'globals' | 'args'>

export interface Found {
  readonly name: string
  readonly project: Project | undefined
  /** Not those of `run`. */
  readonly containers: readonly Container[]
  /** Those of `run` too. */
  readonly all: readonly Container[]
}

/** All of the project's, or of the services named in the arguments. @throws CommandError for an unknown service */
export async function findOwn(context: AnyContext, names: readonly string[] = context.args): Promise<Found> {
  const { name, project } = await openNamed(context, names)
  checkServices(project, names)
  const found = await findContainers(context.engine, name)
  const all = found.filter(({ service }) => (names.length > 0 ? names.includes(service) : true))
  return { name, project, all, containers: all.filter(({ oneoff }) => !oneoff) }
}

/** One container of a service. `index` 0: the first. @throws CommandError */
export async function findOne(context: AnyContext, service: string, index: number): Promise<Container> {
  const { containers } = await findOwn(context, [service])
  const running = containers.filter(item => item.running)
  const found = index > 0 ? containers.find(({ number }) => number === index) : (running[0] ?? containers[0])
  if (!found || (!found.running && index === 0))
    throw new CommandError(
      `service ${JSON.stringify(service)} is not running${index > 0 ? ` container #${index}` : ''}`,
    )
  return found
}

/** Runs with a view of the progress, which is complete at the end however that comes. */
export async function withProgress<T>(
  context: Pick<ComposeContext, 'session' | 'globals'>,
  act: (around: Surroundings) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const around = await surroundings(context, signal)
  try {
    return await act(around)
  } finally {
    around.stop()
  }
}

/** The same request for each of them, all at once. @throws the first failure, when all have ended */
export async function onEach(
  containers: readonly Container[],
  around: Surroundings,
  [begins, ends]: readonly [string, string],
  act: (container: Container) => Promise<void>,
): Promise<void> {
  const settled = await Promise.allSettled(
    containers.map(container => reported(around, `Container ${container.name}`, begins, ends, () => act(container))),
  )
  const failed = settled.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
}

/** Stopping in the right order: a service goes before those that it depends on. */

import type { Engine } from '../../client/engine.ts'
import { LABEL } from '../engine/labels.ts'
import type { Container } from '../engine/observe.ts'
import type { Project } from '../project.ts'
import { stopReported } from './containers.ts'
import { runHooks } from './hooks.ts'
import type { Surroundings } from './report.ts'

/** Those that a container's service depends on: as its file says, or as its label remembers. */
function dependenciesOf(project: Project | undefined, { service, labels }: Container): string[] {
  const written = project?.services[service]?.depends_on ?? project?.inactive[service]?.depends_on
  if (written) return Object.keys(written)
  return (labels[LABEL.dependsOn] ?? '').split(',').flatMap(text => text.split(':')[0] || [])
}

/** Acts on every container as soon as all that depend on it are done. After a failure the rest is done all the same. @throws its error */
export async function inReverse(
  project: Project | undefined,
  containers: readonly Container[],
  act: (container: Container) => Promise<void>,
): Promise<void> {
  const running = new Map<string, Promise<void>>()
  const finish = (container: Container, chain: readonly string[]): Promise<void> => {
    const known = running.get(container.id)
    if (known) return known
    const dependents = containers.filter(
      item =>
        item.service !== container.service &&
        !chain.includes(item.service) &&
        dependenciesOf(project, item).includes(container.service),
    )
    const own = Promise.allSettled(dependents.map(item => finish(item, [...chain, container.service]))).then(() =>
      act(container),
    )
    own.catch(() => undefined)
    running.set(container.id, own)
    return own
  }
  const settled = await Promise.allSettled(containers.map(container => finish(container, [])))
  const failed = settled.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
}

/** With what the service wants to be done first. */
export async function stopGracefully(
  engine: Engine,
  container: Container,
  around: Surroundings,
  timeoutS?: number,
  project?: Project,
): Promise<void> {
  const hooks = project?.services[container.service]?.pre_stop
  if (container.state === 'running' && !container.oneoff) {
    await runHooks(engine, container.id, container.name, hooks).catch(error => around.warn((error as Error).message))
  }
  await stopReported(engine, container, around, timeoutS)
}

/** `down`: stops and removes what belongs to a project, dependents before what they depend on. */

import type { Engine } from '../../client/engine.ts'
import { ApiError } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import { imageOf } from '../engine/images.ts'
import { LABEL } from '../engine/labels.ts'
import { type Container, observe } from '../engine/observe.ts'
import type { Project } from '../project.ts'
import { removeReported } from './containers.ts'
import { reported, type Surroundings } from './report.ts'
import { removeNetwork, removeVolume } from './resources.ts'
import { inReverse, stopGracefully } from './stop.ts'

export interface DownRequest {
  readonly engine: Engine
  readonly name: string
  /** undefined: what the labels say is all that is known. */
  readonly project: Project | undefined
  /** No names: all, with networks and volumes. */
  readonly services: readonly string[]
  readonly volumes: boolean
  readonly removeOrphans: boolean
  readonly images: '' | 'all' | 'local'
  readonly timeoutS?: number | undefined
  readonly around: Surroundings
}

export async function down(request: DownRequest): Promise<void> {
  const { engine, name, project, around } = request
  const observed = await observe(engine, name)
  const isOurs = ({ service, oneoff }: Container) =>
    request.services.length > 0
      ? request.services.includes(service)
      : !project ||
        request.removeOrphans ||
        oneoff ||
        project.services[service] !== undefined ||
        project.inactive[service] !== undefined
  const containers = observed.containers.filter(isOurs)
  await inReverse(project, containers, async container => {
    await stopGracefully(engine, container, around, request.timeoutS, project)
    await removeReported(engine, container, around, request.volumes)
  })
  const all = request.services.length === 0
  const ownNetworks = observed.networks.filter(({ Labels }) => Labels?.[LABEL.project] === name)
  const ownVolumes = observed.volumes.filter(({ Labels }) => Labels?.[LABEL.project] === name)
  const volumeKeys = project && new Set(Object.keys(project.volumes))
  const tasks = [
    ...(all ? ownNetworks.map(network => () => removeUnlessUsed(engine, network, around)) : []),
    ...(all && request.volumes
      ? ownVolumes
          .filter(({ Labels }) => !volumeKeys || volumeKeys.has(Labels?.[LABEL.volume] ?? ''))
          .map(
            ({ Name }) =>
              () =>
                removeVolume(engine, Name, around),
          )
      : []),
    ...imagesOf(request, containers).map(image => () => removeImage(engine, image, around)),
  ]
  if (containers.length === 0 && tasks.length === 0)
    around.warn(`No resource found to remove for project ${JSON.stringify(name)}.`)
  await Promise.all(tasks.map(task => task()))
}

/** An orphan or somebody else may still be in it. */
async function removeUnlessUsed(
  engine: Engine,
  network: { Id: string; Name: string },
  around: Surroundings,
): Promise<void> {
  try {
    await removeNetwork(engine, network, around)
  } catch (error) {
    if (!(error instanceof ApiError) || !/has active endpoints/.test(error.message)) throw error
    around.report({ id: `Network ${network.Name}`, text: 'Resource is still in use', done: true })
  }
}

function imagesOf({ images, project, name }: DownRequest, containers: readonly Container[]): string[] {
  if (images === '') return []
  if (!project) return images === 'all' ? [...new Set(containers.map(({ summary }) => summary.Image))] : []
  const services = Object.values(project.services).filter(({ image }) => images === 'all' || image === undefined)
  return [...new Set(services.map(service => imageOf({ name }, service)))]
}

const removeImage = (engine: Engine, image: string, around: Surroundings): Promise<void> =>
  reported(around, `Image ${image}`, 'Removing', 'Removed', () =>
    engine.delete(`/images/${segment(image)}`).then(
      () => undefined,
      error => {
        if (!(error instanceof ApiError) || ![404, 409].includes(error.status)) throw error
        around.warn(error.status === 404 ? `Image ${image}: not found` : `Image ${image}: still in use`)
      },
    ),
  )

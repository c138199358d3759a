/** One operation of a plan, done by requests to the engine. */

import type { Engine } from '../../client/engine.ts'
import type { Creation } from '../create/body.ts'
import { imageOf } from '../engine/images.ts'
import type { Observed } from '../engine/observe.ts'
import type { Operation } from '../plan/plan.ts'
import type { Project, Service } from '../project.ts'
import { awaitCondition, ConditionError } from './conditions.ts'
import { createContainer, removeReported, replaceContainer, stopReported } from './containers.ts'
import { runHooks } from './hooks.ts'
import { reported, type Surroundings } from './report.ts'
import { createNetwork, createVolume } from './resources.ts'

export interface Performance {
  readonly engine: Engine
  readonly project: Project
  readonly observed: Observed
  readonly images: Readonly<Record<string, string>>
  readonly around: Surroundings
  readonly timeoutS?: number | undefined
  /** Anonymous volumes are not taken over. */
  readonly renewVolumes?: boolean
  /** Called as soon as a container exists, before it starts. */
  readonly onCreated?: (service: Service, name: string, id: string) => Promise<void>
}

export class Performer {
  /** Of containers by their names. */
  readonly ids = new Map<string, string>()
  readonly #ofService = new Map<string, string>()

  constructor(readonly show: Performance) {
    for (const { id, name, service, oneoff } of show.observed.containers) {
      this.ids.set(name, id)
      if (!oneoff && !this.#ofService.has(service)) this.#ofService.set(service, id)
    }
  }

  readonly perform = async ({ deed }: Operation): Promise<void> => {
    const { engine, project, around, timeoutS, renewVolumes = false } = this.show
    switch (deed.do) {
      case 'create network':
        return await createNetwork(engine, project, deed.network, deed.key, around, deed.replaces)
      case 'create volume':
        return await createVolume(engine, project, deed.volume, deed.key, around)
      case 'create': {
        const create = () => createContainer(engine, this.#creation(deed.service, deed.number), deed.name, around)
        return await this.#noteCreated(
          deed.service,
          deed.name,
          await reported(around, `Container ${deed.name}`, 'Creating', 'Created', create),
        )
      }
      case 'recreate': {
        const replace = () =>
          replaceContainer(engine, this.#creation(deed.service, deed.number), deed.old, deed.name, around, renewVolumes)
        return await this.#noteCreated(
          deed.service,
          deed.name,
          await reported(around, `Container ${deed.name}`, 'Recreate', 'Recreated', replace),
        )
      }
      case 'start':
        return await this.start(deed.service, deed.name)
      case 'stop':
        return await stopReported(engine, deed.container, around, timeoutS)
      case 'remove':
        return await removeReported(engine, deed.container, around)
      case 'await':
        await Promise.all(deed.names.map(name => this.#await(name, deed)))
    }
  }

  async start(service: Service, name: string): Promise<void> {
    const { engine, around } = this.show
    await reported(around, `Container ${name}`, 'Starting', 'Started', async () => {
      await engine.post(`/containers/${this.ids.get(name) ?? name}/start`)
      await runHooks(engine, this.ids.get(name) ?? name, name, service.post_start)
    })
  }

  async #noteCreated(service: Service, name: string, id: string): Promise<void> {
    this.ids.set(name, id)
    this.#ofService.set(service.name, id)
    await this.show.onCreated?.(service, name, id)
  }

  #creation(service: Service, number: number): Creation {
    const { project, images, around } = this.show
    return {
      project,
      service,
      number,
      image: imageOf(project, service),
      imageId: images[service.name],
      inherited: [],
      resolve: this.resolve,
      version: around.version,
    }
  }

  readonly resolve = (service: string): string => {
    const id = this.#ofService.get(service)
    if (id === undefined) throw new Error(`service ${JSON.stringify(service)} has no container`)
    return id
  }

  async #await(name: string, deed: Extract<Operation['deed'], { do: 'await' }>): Promise<void> {
    const { engine, around } = this.show
    const ends = deed.condition === 'service_healthy' ? 'Healthy' : 'Exited'
    try {
      await reported(around, `Container ${name}`, 'Waiting', ends, () =>
        awaitCondition(engine, name, deed.condition, around.signal),
      )
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error
      if (deed.required) throw new Error(`dependency failed to start: ${error.message}`)
      around.warn(`optional dependency ${JSON.stringify(deed.service.name)} failed to start: ${error.message}`)
    }
  }
}

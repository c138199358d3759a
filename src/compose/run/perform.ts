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
  readonly onStarted?: ((name: string) => void) | undefined
}

export class Performer {
  /** Of containers by their names. */
  readonly ids = new Map<string, string>()
  readonly #ofService = new Map<string, string>()
  /** The service of each container. */
  readonly #names = new Map<string, string>()

  constructor(readonly show: Performance) {
    for (const { id, name, service, oneoff } of show.observed.containers) {
      this.ids.set(name, id)
      if (!oneoff) this.#names.set(name, service)
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
        return this.#noteCreated(
          deed.service,
          deed.name,
          await reported(around, `Container ${deed.name}`, 'Creating', 'Created', create),
        )
      }
      case 'recreate': {
        const replace = () =>
          replaceContainer(engine, this.#creation(deed.service, deed.number), deed.old, deed.name, around, renewVolumes)
        return this.#noteCreated(
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
        await removeReported(engine, deed.container, around)
        this.#names.delete(deed.container.name)
        return
      case 'await':
        await Promise.all(deed.names.map(name => this.#await(name, deed)))
    }
  }

  async start(service: Service, name: string): Promise<void> {
    const { engine, around, onStarted } = this.show
    await reported(around, `Container ${name}`, 'Starting', 'Started', async () => {
      await engine.post(`/containers/${this.ids.get(name) ?? name}/start`)
      onStarted?.(name)
      await runHooks(engine, this.ids.get(name) ?? name, name, service.post_start)
    })
  }

  #noteCreated(service: Service, name: string, id: string): void {
    this.ids.set(name, id)
    this.#names.set(name, service.name)
    this.#ofService.set(service.name, id)
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

  /** The containers of these services as they are now. */
  namesOf(services: readonly string[]): string[] {
    return [...this.#names].flatMap(([name, service]) => (services.includes(service) ? [name] : [])).sort()
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

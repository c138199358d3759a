/** From what a project says and what there is to a plan that makes the one of the other. */

import { networkHash, serviceHash, volumeHash } from '../engine/hash.ts'
import { LABEL } from '../engine/labels.ts'
import type { Container, Observed } from '../engine/observe.ts'
import type { Project, Service } from '../project.ts'
import { sharesWith } from './order.ts'
import { type Plan, PlanBuilder } from './plan.ts'

export type Recreate = 'diverged' | 'force' | 'never'

export interface Intent {
  /** Dependencies first. */
  readonly services: readonly Service[]
  /** Those named by the user; the others are there because these need them. */
  readonly targets: ReadonlySet<string>
  readonly scale: Readonly<Record<string, number>>
  readonly recreate: Recreate
  /** For the dependencies. */
  readonly recreateDependencies: Recreate
  /** false: create only. */
  readonly start: boolean
  readonly removeOrphans: boolean
  /** The id of each service's image, where it is known. */
  readonly images: Readonly<Record<string, string>>
  /** Services that get their networks and volumes, and nothing else. */
  readonly resourcesOf: readonly Service[]
}

/** How many containers a service shall have. */
export const replicasOf = (service: Service, scale: Readonly<Record<string, number>>): number =>
  scale[service.name] ?? service.scale ?? service.deploy?.replicas ?? 1

export const containerName = (project: Project, service: Service, number: number): string =>
  service.container_name ?? `${project.name}-${service.name}-${number}`

/** @throws Error for what cannot be made of it */
export function reconcile(project: Project, observed: Observed, intent: Intent): Plan {
  return new Reconciliation(project, observed, intent).plan()
}

/** What is decided for one service. */
interface Decision {
  readonly service: Service
  readonly keep: Container[]
  readonly recreate: Container[]
  readonly remove: Container[]
  /** Numbers of new ones. */
  readonly create: number[]
}

class Reconciliation {
  readonly #build = new PlanBuilder()
  readonly #resources = new Map<string, number>()
  /** Operations that make, and that start, a service's containers. */
  readonly #made = new Map<string, number[]>()
  readonly #started = new Map<string, number[]>()
  readonly #names = new Map<string, string[]>()
  readonly #changed = new Set<string>()
  readonly #replacedNetworks = new Set<string>()

  constructor(
    readonly project: Project,
    readonly observed: Observed,
    readonly intent: Intent,
  ) {}

  plan(): Plan {
    const { services, resourcesOf, removeOrphans } = this.intent
    const inhabitants = [...services, ...resourcesOf]
    const networks = new Set(inhabitants.flatMap(service => Object.keys(service.networks ?? {})))
    for (const key of [...networks].sort()) this.#network(key)
    const volumes = new Set(
      inhabitants.flatMap(({ volumes = [] }) =>
        volumes.flatMap(({ type, source }) => (type === 'volume' && source ? [source] : [])),
      ),
    )
    for (const key of [...volumes].sort()) this.#volume(key)
    const decisions = services.map(service => this.#decide(service))
    for (const decision of decisions) this.#make(decision)
    if (this.intent.start) for (const decision of decisions) this.#start(decision)
    if (removeOrphans) for (const orphan of orphansOf(this.project, this.observed)) this.#remove(orphan)
    return this.#build.operations
  }

  #network(key: string): void {
    const network = this.project.networks[key]
    if (!network) return
    const present = this.observed.networks.find(({ Name }) => Name === network.name)
    if (network.external) {
      if (!present && !['host', 'none', 'bridge'].includes(network.name))
        throw new Error(`network ${network.name} declared as external, but could not be found`)
      return
    }
    const hash = present?.Labels?.[LABEL.hash]
    if (present && (hash === undefined || hash === networkHash(network))) return
    if (!present) {
      this.#resources.set(`network ${key}`, this.#build.add({ do: 'create network', network, key }))
      return
    }
    // A network cannot be changed, nor removed with somebody in it.
    const stops = this.observed.containers
      .filter(item => item.networks.includes(network.name) && item.running)
      .map(container => this.#build.add({ do: 'stop', container }))
    this.#replacedNetworks.add(network.name)
    this.#resources.set(
      `network ${key}`,
      this.#build.add({ do: 'create network', network, key, replaces: present.Id }, stops),
    )
  }

  #volume(key: string): void {
    const volume = this.project.volumes[key]
    if (!volume) return
    const present = this.observed.volumes.find(({ Name }) => Name === volume.name)
    if (volume.external) {
      if (!present) throw new Error(`external volume ${JSON.stringify(volume.name)} not found`)
      return
    }
    if (!present) {
      this.#resources.set(`volume ${key}`, this.#build.add({ do: 'create volume', volume, key }))
      return
    }
    const hash = present.Labels?.[LABEL.hash]
    if (hash !== undefined && hash !== volumeHash(volume))
      throw new Error(
        `volume ${JSON.stringify(volume.name)} exists but doesn't match configuration in compose file: remove it to have it made anew`,
      )
  }

  #decide(service: Service): Decision {
    const replicas = replicasOf(service, this.intent.scale)
    if (replicas > 1 && service.container_name)
      throw new Error(
        `services.${service.name}: the service uses the custom container name ${JSON.stringify(service.container_name)}, and each container needs a name of its own: remove container_name to scale the service`,
      )
    const present = this.observed.containers
      .filter(item => item.service === service.name && !item.oneoff)
      .sort((a, b) => a.number - b.number)
    const [wanted, remove] = [present.slice(0, replicas), present.slice(replicas)]
    const recreate = wanted.filter(container => this.#mustRecreate(service, container))
    const highest = Math.max(0, ...present.map(({ number }) => number))
    const create = Array.from({ length: Math.max(0, replicas - present.length) }, (_, i) => highest + 1 + i)
    // A sharer's container is bound to the one that goes: it must go too.
    if (recreate.length > 0) this.#changed.add(service.name)
    return { service, keep: wanted.filter(item => !recreate.includes(item)), recreate, remove, create }
  }

  #mustRecreate(service: Service, container: Container): boolean {
    const policy = this.intent.targets.has(service.name) ? this.intent.recreate : this.intent.recreateDependencies
    if (sharesWith(service).some(name => this.#changed.has(name))) return true
    if (container.networks.some(name => this.#replacedNetworks.has(name))) return true
    if (policy !== 'diverged') return policy === 'force'
    if (container.state === 'dead' || container.hash !== serviceHash(this.project, service)) return true
    const image = this.intent.images[service.name]
    return image !== undefined && image !== (container.labels[LABEL.image] || container.imageId)
  }

  #make({ service, keep, recreate, remove, create }: Decision): void {
    for (const container of remove) this.#remove(container)
    const needs = this.#needs(service)
    const made = [
      ...recreate.map(old => {
        const name = containerName(this.project, service, old.number)
        return {
          name,
          id: this.#build.add({ do: 'recreate', service, number: old.number, name, old }, [
            ...needs,
            ...this.#stopSharers(old),
          ]),
        }
      }),
      ...create.map(number => {
        const name = containerName(this.project, service, number)
        return { name, id: this.#build.add({ do: 'create', service, number, name }, needs) }
      }),
    ]
    this.#made.set(
      service.name,
      made.map(({ id }) => id),
    )
    this.#names.set(service.name, [...keep.map(({ name }) => name), ...made.map(({ name }) => name)])
  }

  /** What must be there before a container can be created. */
  #needs(service: Service): number[] {
    const networks = Object.keys(service.networks ?? {}).map(key => this.#resources.get(`network ${key}`))
    const volumes = (service.volumes ?? []).map(({ source }) => this.#resources.get(`volume ${source}`))
    const others = [...sharesWith(service), ...(service.links ?? []).map(link => link.split(':')[0] ?? '')].flatMap(
      name => this.#made.get(name) ?? [],
    )
    return [...networks, ...volumes, ...others].filter(id => id !== undefined)
  }

  /** `restart: true` in depends_on: they stop before it goes and start when it is back. */
  #stopSharers(old: Container): number[] {
    const waiting = this.intent.services.filter(({ depends_on }) => depends_on?.[old.service]?.restart)
    return waiting.flatMap(({ name }) =>
      this.observed.containers
        .filter(item => item.service === name && item.running && !item.oneoff)
        .map(container => this.#stopOnce(container)),
    )
  }

  readonly #stops = new Map<string, number>()

  #stopOnce(container: Container): number {
    const id = this.#stops.get(container.id) ?? this.#build.add({ do: 'stop', container })
    this.#stops.set(container.id, id)
    return id
  }

  #remove(container: Container): void {
    const stop = container.running ? [this.#stopOnce(container)] : []
    this.#build.add({ do: 'remove', container }, stop)
  }

  #start({ service, keep, recreate, create }: Decision): void {
    const made = this.#made.get(service.name) ?? []
    const fresh = [...recreate.map(({ number }) => number), ...create].map((number, i) => ({
      name: containerName(this.project, service, number),
      after: made[i],
    }))
    const idle = keep
      .filter(item => !item.running || this.#stops.has(item.id))
      .map(item => ({ name: item.name, after: this.#stops.get(item.id) }))
    const todo = [...idle, ...fresh]
    const waits = todo.length > 0 ? this.#awaitDependencies(service) : []
    const started = todo.map(({ name, after }) =>
      this.#build.add({ do: 'start', service, name }, [...waits, ...(after === undefined ? [] : [after])]),
    )
    this.#started.set(service.name, started)
  }

  #awaitDependencies = ({ depends_on = {} }: Service): number[] =>
    Object.entries(depends_on).flatMap(([name, { condition, required }]) => this.#await(name, condition, required))

  #await(name: string, condition: Dependency, required: boolean): number[] {
    const dependency = this.intent.services.find(item => item.name === name)
    const started = this.#started.get(name) ?? []
    if (!dependency) return []
    if (condition === 'service_started') return started
    const key = `${name} ${condition} ${required}`
    const names = this.#names.get(name) ?? []
    if (names.length === 0) return []
    const id =
      this.#awaits.get(key) ??
      this.#build.add({ do: 'await', service: dependency, names, condition, required }, started)
    this.#awaits.set(key, id)
    return [id]
  }

  readonly #awaits = new Map<string, number>()
}

type Dependency = NonNullable<Service['depends_on']>[string]['condition']

/** Containers of services that the project does not have. */
export const orphansOf = (project: Project, { containers }: Pick<Observed, 'containers'>): Container[] =>
  containers.filter(({ service, oneoff }) => !oneoff && !project.services[service] && !project.inactive[service])

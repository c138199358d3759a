/** What of a project exists in the engine. */

import { type Engine, filtersParameter } from '../../client/engine.ts'
import { LABEL, type Labels } from './labels.ts'

/** A container as lists have it. */
export interface Summary {
  readonly Id: string
  readonly Names: readonly string[] | null
  readonly Image: string
  readonly ImageID: string
  readonly Command: string
  readonly Created: number
  readonly State: string
  readonly Status: string
  readonly Labels: Labels | null
  readonly Ports: readonly { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[] | null
  readonly NetworkSettings?: { readonly Networks: Readonly<Record<string, { NetworkID?: string }>> | null } | null
}

export interface Container {
  readonly id: string
  readonly name: string
  readonly project: string
  readonly service: string
  readonly number: number
  readonly oneoff: boolean
  readonly running: boolean
  readonly state: string
  readonly hash: string
  readonly imageId: string
  readonly networks: readonly string[]
  readonly labels: Labels
  readonly summary: Summary
}

export function toContainer(summary: Summary): Container {
  const labels = summary.Labels ?? {}
  return {
    id: summary.Id,
    name: nameOf(summary),
    project: labels[LABEL.project] ?? '',
    service: labels[LABEL.service] ?? '',
    number: Number(labels[LABEL.number] ?? 0),
    oneoff: labels[LABEL.oneoff]?.toLowerCase() === 'true',
    running: ['running', 'paused', 'restarting'].includes(summary.State),
    state: summary.State,
    hash: labels[LABEL.hash] ?? '',
    imageId: summary.ImageID,
    networks: Object.keys(summary.NetworkSettings?.Networks ?? {}),
    labels,
    summary,
  }
}

/** A linked container has further names, with a slash inside. */
const nameOf = ({ Names, Id }: Summary): string =>
  (Names ?? []).map(name => name.replace(/^\//, '')).find(name => !name.includes('/')) ?? Id.slice(0, 12)

/** All of them, one-off ones too; in the order of services and numbers. */
export async function findContainers(engine: Engine, project: string | undefined, all = true): Promise<Container[]> {
  const label = project === undefined ? LABEL.project : `${LABEL.project}=${project}`
  const found = await engine.get<Summary[]>('/containers/json', { all, filters: filtersParameter({ label: [label] }) })
  return found
    .map(toContainer)
    .sort((a, b) => compare(a.service, b.service) || a.number - b.number || compare(a.name, b.name))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export interface NetworkSummary {
  readonly Id: string
  readonly Name: string
  readonly Driver: string
  readonly Labels: Labels | null
}
export interface VolumeSummary {
  readonly Name: string
  readonly Driver: string
  readonly Labels: Labels | null
}

export const listNetworks = (engine: Engine): Promise<NetworkSummary[]> => engine.get<NetworkSummary[]>('/networks')
export const listVolumes = async (engine: Engine): Promise<VolumeSummary[]> =>
  (await engine.get<{ Volumes: VolumeSummary[] | null }>('/volumes')).Volumes ?? []

/** What there is of a project, at one moment. */
export interface Observed {
  readonly containers: readonly Container[]
  readonly networks: readonly NetworkSummary[]
  readonly volumes: readonly VolumeSummary[]
}

export async function observe(engine: Engine, project: string): Promise<Observed> {
  const [containers, networks, volumes] = await Promise.all([
    findContainers(engine, project),
    listNetworks(engine),
    listVolumes(engine),
  ])
  return { containers, networks, volumes }
}

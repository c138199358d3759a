/** Fingerprints of what a thing was made from: another one means that it must be made anew. */

import { createHash } from 'node:crypto'
import type { Network, Project, Service, Volume } from '../project.ts'

/** Of all that becomes part of a container; how many there are, what they wait for and how the image is made does not. */
export function serviceHash(project: Project, service: Service): string {
  const { build, depends_on, develop, profiles, pull_policy, scale, attach, post_start, pre_stop, deploy, ...made } =
    service
  const { replicas, ...limits } = deploy ?? {}
  return sha256({
    ...made,
    deploy: limits,
    networks: Object.entries(service.networks ?? {}).map(([key, attachment]) => [
      project.networks[key]?.name,
      attachment,
    ]),
    mounts: (service.volumes ?? []).map(({ type, source }) =>
      type === 'volume' && source ? project.volumes[source]?.name : source,
    ),
    secrets: (service.secrets ?? []).map(item => [
      item,
      project.secrets[item.source],
      variableOf(project, project.secrets[item.source]?.environment),
    ]),
    configs: (service.configs ?? []).map(item => [
      item,
      project.configs[item.source],
      variableOf(project, project.configs[item.source]?.environment),
    ]),
  })
}

export const networkHash = ({ name, external, ...network }: Network): string => sha256(network)
export const volumeHash = ({ name, external, ...volume }: Volume): string => sha256(volume)

const variableOf = (project: Project, variable: string | undefined): string | undefined =>
  variable === undefined ? undefined : project.environment[variable]

const sha256 = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')

/** The order of keys says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}

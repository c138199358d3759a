/** A project as a compose file in its long form. */

import { stringify } from 'yaml'
import type { Project, Service } from './project.ts'

export function showProject(project: Project, json: boolean): string {
  const { name, services, networks, volumes, secrets, configs, extensions } = project
  const filled = <T extends object>(key: string, map: T) =>
    Object.keys(map).length > 0 ? { [key]: sortKeys(map as Record<string, unknown>) } : {}
  const plain = {
    name,
    services: sortKeys(
      Object.fromEntries(Object.entries(services).map(([key, service]) => [key, showService(service)])),
    ),
    ...filled('networks', networks),
    ...filled('volumes', volumes),
    ...filled('secrets', secrets),
    ...filled('configs', configs),
    ...extensions,
  }
  // A dollar that is meant is written twice, so that what is shown can be read again.
  const escaped = escapeDollars(plain)
  return json
    ? `${JSON.stringify(escaped, null, 2)}\n`
    : // Readers of YAML 1.1, as docker-compose is one, take a bare `no` for false and `22:22` for a number.
      stringify(escaped, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
}

function showService({ name: _, profiles, ...service }: Service): object {
  return { ...(profiles && { profiles }), ...sortKeys({ command: null, entrypoint: null, ...service }) }
}

const sortKeys = (map: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Sizes in bytes are texts, as in Docker's output: some readers of YAML make floating point numbers of large ones. */
const SIZES = new Set(['mem_limit', 'mem_reservation', 'memory', 'memswap_limit', 'shm_size', 'size'])

function escapeDollars(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$')
  if (Array.isArray(value)) return value.map(escapeDollars)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SIZES.has(key) && typeof item === 'number' ? String(item) : escapeDollars(item),
    ]),
  )
}

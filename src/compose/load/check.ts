/** Whether a project holds together: everything that is named exists, and nothing waits for itself. */

import { ComposeError } from '../errors.ts'
import type { Project, Service } from '../project.ts'
import type { Node, Position } from '../source/node.ts'

/** @throws ComposeError at the line that says it */
export function check(project: Project, tree: Node): void {
  for (const service of Object.values(project.services)) {
    const refuse = (message: string, ...path: string[]): never => {
      throw new ComposeError(
        `service ${JSON.stringify(service.name)} ${message}: invalid compose project`,
        placeOf(tree, ['services', service.name, ...path]),
      )
    }
    checkSource(service, refuse)
    checkReferences(project, service, refuse)
    checkContradictions(service, refuse)
  }
  checkCycles(project, tree)
}

type Refuse = (message: string, ...path: string[]) => never

function checkSource({ image, build }: Service, refuse: Refuse): void {
  if (!image && !build) refuse('has neither an image nor a build context specified')
  if (build?.dockerfile && build.dockerfile_inline)
    refuse('declares mutually exclusive dockerfile and dockerfile_inline', 'build')
}

function checkReferences(project: Project, service: Service, refuse: Refuse): void {
  for (const name of Object.keys(service.networks ?? {}))
    if (!project.networks[name]) refuse(`refers to undefined network ${name}`, 'networks', name)
  for (const { type, source } of service.volumes ?? [])
    if (type === 'volume' && source && !project.volumes[source])
      refuse(`refers to undefined volume ${source}`, 'volumes', source)
  for (const { source } of [...(service.secrets ?? []), ...(service.build?.secrets ?? [])])
    if (!project.secrets[source]) refuse(`refers to undefined secret ${source}`, 'secrets', source)
  for (const { source } of service.configs ?? [])
    if (!project.configs[source]) refuse(`refers to undefined config ${source}`, 'configs', source)
  for (const [section, uses] of [
    ['secrets', service.secrets],
    ['configs', service.configs],
  ] as const)
    for (const { source } of uses ?? [])
      if (project[section][source]?.external)
        refuse(
          `uses the external ${section.slice(0, -1)} ${source}, which lives in a swarm: skiff has none`,
          section,
          source,
        )
  for (const [name, { required }] of Object.entries(service.depends_on ?? {}))
    if (required && !project.services[name])
      refuse(`depends on undefined service ${JSON.stringify(name)}`, 'depends_on', name)
}

function checkContradictions(service: Service, refuse: Refuse): void {
  if (service.network_mode !== undefined && service.networks)
    refuse('declares mutually exclusive `network_mode` and `networks`', 'network_mode')
  const replicas = service.deploy?.replicas
  if (service.scale !== undefined && replicas !== undefined && service.scale !== replicas)
    refuse("can't set distinct values on 'scale' and 'deploy.replicas'", 'scale')
  const both = (
    key: 'mem_limit' | 'cpus' | 'pids_limit' | 'mem_reservation',
    inDeploy: number | undefined,
    name: string,
  ) => {
    if (service[key] !== undefined && inDeploy !== undefined && service[key] !== inDeploy)
      refuse(`can't set distinct values on '${key}' and 'deploy.resources.${name}'`, key)
  }
  const { limits, reservations } = service.deploy?.resources ?? {}
  both('mem_limit', limits?.memory, 'limits.memory')
  both('cpus', limits?.cpus, 'limits.cpus')
  both('pids_limit', limits?.pids, 'limits.pids')
  both('mem_reservation', reservations?.memory, 'reservations.memory')
}

function checkCycles(project: Project, tree: Node): void {
  const done = new Set<string>()
  const visit = (name: string, chain: readonly string[]): void => {
    if (chain.includes(name)) {
      const circle = [...chain.slice(chain.indexOf(name)), name]
      throw new ComposeError(
        `dependency cycle detected: ${circle.join(' -> ')}`,
        placeOf(tree, ['services', circle[0] ?? '', 'depends_on', circle[1] ?? '']),
      )
    }
    if (done.has(name)) return
    for (const next of Object.keys(project.services[name]?.depends_on ?? {})) visit(next, [...chain, name])
    done.add(name)
  }
  for (const name of Object.keys(project.services)) visit(name, [])
}

/** Where a path leads, as far as it goes; an item of a list is found by what it says. */
function placeOf(tree: Node, path: readonly string[]): Position {
  let at = tree.at
  let node: Node | undefined = tree
  for (const key of path) {
    if (node?.kind === 'map') {
      const entry: { at: Position; value: Node } | undefined = node.entries.get(key)
      if (!entry) return at
      at = entry.at
      node = entry.value
    } else if (node?.kind === 'list') {
      const item: Node | undefined = node.items.find(child => mentions(child, key))
      return item?.at ?? at
    } else return at
  }
  return at
}

const mentions = (node: Node, word: string): boolean =>
  node.kind === 'scalar'
    ? String(node.value) === word || String(node.value).startsWith(`${word}:`)
    : node.kind === 'map' && [...node.entries.values()].some(({ value }) => mentions(value, word))

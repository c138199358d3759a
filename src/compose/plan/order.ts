/** Which services a command is about, and in what order they depend on one another. */

import type { Project, Service } from '../project.ts'

/** The services with all that they depend on, dependencies first. No names: all services. @throws Error for an unknown name */
export function selectServices(project: Project, names: readonly string[], withDependencies = true): Service[] {
  for (const name of names) if (!project.services[name]) throw new Error(`no such service: ${name}`)
  const wanted = names.length > 0 ? names : Object.keys(project.services).sort()
  const found: Service[] = []
  const visit = (name: string): void => {
    const service = project.services[name]
    if (!service || found.includes(service)) return
    for (const next of Object.keys(service.depends_on ?? {}).sort())
      if (withDependencies || wanted.includes(next)) visit(next)
    if (!found.includes(service)) found.push(service)
  }
  for (const name of wanted) visit(name)
  return found
}

/** What a container takes of another one's is bound to that very container. */
export function sharesWith(service: Service): string[] {
  const modes = [service.network_mode, service.ipc, service.pid].map(mode => /^service:(.+)$/.exec(mode ?? '')?.[1])
  const from = (service.volumes_from ?? [])
    .filter(text => !text.startsWith('container:'))
    .map(text => text.split(':')[0])
  return [...modes, ...from].filter(name => name !== undefined)
}

/** The images of services: those that are missing are pulled or built before anything is created. */

import type { Engine } from '../../client/engine.ts'
import { isNotFound } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import type { Project, Service } from '../project.ts'

/** How images come here; the command line knows about credentials and shows the progress. */
export interface ImageSupply {
  pull(service: Service, image: string): Promise<void>
  build(service: Service, image: string): Promise<void>
}

export interface ImagePolicy {
  /** undefined: where it is missing. */
  readonly build?: 'always' | 'never' | undefined
  /** In place of what services say: always, missing, never. */
  readonly pull?: string | undefined
}

/** Of a service that is built, the project's name and its own. */
export const imageOf = (project: Pick<Project, 'name'>, { image, name }: Service): string =>
  image ?? `${project.name}-${name}`

export async function findImage(engine: Engine, image: string): Promise<string | undefined> {
  try {
    return (await engine.get<{ Id: string }>(`/images/${segment(image)}/json`)).Id
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Answers the id of each service's image. Images that several services share come once. @throws Error */
export async function ensureImages(
  engine: Engine,
  project: Project,
  services: readonly Service[],
  policy: ImagePolicy,
  supply: ImageSupply,
): Promise<Record<string, string>> {
  const work = new Map<string, Promise<string>>()
  const ids = services.map(async (service): Promise<[string, string]> => {
    const image = imageOf(project, service)
    const key = service.build ? `${image} ${JSON.stringify(service.build)}` : image
    const known = work.get(key) ?? ensureImage(engine, service, image, policy, supply)
    work.set(key, known)
    return [service.name, await known]
  })
  const settled = await Promise.allSettled(ids)
  const failed = settled.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
  return Object.fromEntries(await Promise.all(ids))
}

async function ensureImage(
  engine: Engine,
  service: Service,
  image: string,
  { build, pull }: ImagePolicy,
  supply: ImageSupply,
): Promise<string> {
  const policy = pull || service.pull_policy || ''
  const mayBuild = service.build !== undefined && build !== 'never'
  if (mayBuild && (build === 'always' || policy === 'build')) await supply.build(service, image)
  else if (policy === 'always' && !service.build) await supply.pull(service, image)
  const present = await findImage(engine, image)
  if (present) return present
  if (mayBuild) await supply.build(service, image)
  else if (policy === 'never' || service.build)
    throw new Error(`No such image: ${image}${service.build ? ': build it, or leave out --no-build' : ''}`)
  else await supply.pull(service, image)
  const made = await findImage(engine, image)
  if (made) return made
  throw new Error(`No such image: ${image}`)
}

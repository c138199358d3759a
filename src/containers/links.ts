/**
 * `--link db:store` of container web: the target appears under a further name, 'web/store', until the link or one of the two
 * is removed.
 */

import { Conflict, InvalidParameter, NotFound } from '../kernel/errors.ts'
import type { Context } from './context.ts'
import type { LiveContainer } from './live.ts'
import { writeConfig } from './store/files.ts'
import type { ContainerId } from './types.ts'

interface Link {
  target: ContainerId
  /** The name that the target has by it. */
  name: string
}

/** '/db:/web/store' and 'db:store' are both in use; without an alias it is the target's name. */
export function parseLink(text: string): { ref: string; alias: string } {
  const [ref = '', alias = ref] = text.split(':')
  return { ref: ref.replace(/^\//, ''), alias: alias.replace(/^.*\//, '') }
}

function linksOf(context: Context, { config }: LiveContainer): Link[] {
  return config.hostConfig.links.flatMap(text => {
    const { ref, alias } = parseLink(text)
    try {
      return [{ target: context.find(ref).id, name: `${config.name}/${alias}` }]
    } catch (error) {
      // The target has been removed; its link has no meaning any more.
      if (error instanceof NotFound || error instanceof InvalidParameter) return []
      throw error
    }
  })
}

/** Every container's further names. */
export function linkNames(context: Context): Map<ContainerId, string[]> {
  const names = new Map<ContainerId, string[]>()
  for (const container of context.containers.values()) {
    if (container.config.hostConfig.links.length === 0) continue
    for (const { target, name } of linksOf(context, container)) names.set(target, [...(names.get(target) ?? []), name])
  }
  return names
}

/** Whom a name such as 'web/store' means; undefined: it is none. */
export function linkTarget(context: Context, name: string): ContainerId | undefined {
  const slash = name.indexOf('/')
  const parentId = slash < 0 ? undefined : context.names.owner(name.slice(0, slash))
  const parent = parentId === undefined ? undefined : context.containers.get(parentId)
  return parent && linksOf(context, parent).find(link => link.name === name)?.target
}

function parentOf(context: Context, name: string, ref: string): LiveContainer {
  try {
    return context.find(name)
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
    throw new NotFound(`No such container: ${ref}`, { cause: error })
  }
}

/** `docker rm --link web/store`: the link goes, both containers stay. @throws NotFound */
export async function removeLink(context: Context, ref: string): Promise<void> {
  const [, parentName = '', alias = ''] = /^\/?([^/]+)\/([^/]+)$/.exec(ref) ?? []
  if (alias === '') {
    context.find(ref)
    throw new Conflict('Conflict, cannot remove the default link name of the container')
  }
  const parent = parentOf(context, parentName, ref)
  await parent.queue.run(async () => {
    const { hostConfig } = parent.config
    const links = hostConfig.links.filter(text => parseLink(text).alias !== alias)
    if (links.length === hostConfig.links.length) throw new NotFound(`No such container: ${ref}`)
    parent.config = { ...parent.config, hostConfig: { ...hostConfig, links } }
    await writeConfig(parent.paths.folder, parent.config)
  })
}

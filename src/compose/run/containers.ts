/** What is done to single containers: create, replace, start, stop, remove; each with its report. */

import { compareVersions, type Engine } from '../../client/engine.ts'
import { ApiError, isNotFound } from '../../client/errors.ts'
import { type Creation, containerBody } from '../create/body.ts'
import { injectFiles } from '../create/inject.ts'
import type { InheritedVolume } from '../create/mounts.ts'
import type { Container } from '../engine/observe.ts'
import { reported, type Surroundings } from './report.ts'

/** From this version on a container may be created in several networks at once. */
const SEVERAL_NETWORKS_SINCE = '1.44'

/** Answers the id. */
export async function createContainer(
  engine: Engine,
  creation: Creation,
  name: string,
  around: Surroundings,
): Promise<string> {
  const { body, endpoints } = containerBody(creation)
  const atOnce =
    compareVersions(await engine.version(), SEVERAL_NETWORKS_SINCE) >= 0 ? endpoints : endpoints.slice(0, 1)
  const EndpointsConfig = Object.fromEntries(atOnce.map(({ network, settings }) => [network, settings]))
  const { Id, Warnings } = await engine.post<{ Id: string; Warnings?: string[] | null }>(
    '/containers/create',
    { name, platform: creation.service.platform },
    { ...body, ...(atOnce.length > 0 && { NetworkingConfig: { EndpointsConfig } }) },
  )
  for (const warning of Warnings ?? []) around.warn(warning)
  try {
    for (const { network, settings } of endpoints.slice(atOnce.length))
      await engine.post(
        `/networks/${encodeURIComponent(network)}/connect`,
        {},
        { Container: Id, EndpointConfig: settings },
      )
    await injectFiles(engine, Id, creation.project, creation.service)
  } catch (error) {
    await removeContainer(engine, Id, false)
    throw error
  }
  return Id
}

/** The new one is made first, under another name: if that fails, the old one has not been touched. */
export async function replaceContainer(
  engine: Engine,
  creation: Creation,
  old: Container,
  name: string,
  around: Surroundings,
  renewVolumes: boolean,
): Promise<string> {
  const inherited = renewVolumes ? [] : await anonymousVolumes(engine, old.id)
  const id = await createContainer(engine, { ...creation, inherited }, `${old.id.slice(0, 12)}_${name}`, around)
  try {
    await stopContainer(engine, old.id)
    await removeContainer(engine, old.id, renewVolumes)
  } catch (error) {
    await removeContainer(engine, id, false)
    throw error
  }
  await engine.post(`/containers/${id}/rename`, { name })
  return id
}

interface Mounts {
  readonly Mounts: readonly { readonly Type: string; readonly Name?: string; readonly Destination: string }[] | null
}

/** Every volume at the place where it is now; a named one of the file is asked for by its own name there. */
async function anonymousVolumes(engine: Engine, id: string): Promise<InheritedVolume[]> {
  const { Mounts } = await engine.get<Mounts>(`/containers/${id}/json`)
  return (Mounts ?? []).flatMap(({ Type, Name, Destination }) =>
    Type === 'volume' && /^[0-9a-f]{64}$/.test(Name ?? '') ? [{ name: Name ?? '', target: Destination }] : [],
  )
}

/** `timeoutS`: undefined for the container's own. What has ended meanwhile is stopped too. */
export async function stopContainer(engine: Engine, id: string, timeoutS?: number): Promise<void> {
  await engine.post(`/containers/${id}/stop`, { t: timeoutS }).catch(ignoreGone)
}

/** `volumes`: its anonymous ones too, and those that it has taken over from the container before it. */
export async function removeContainer(engine: Engine, id: string, volumes: boolean): Promise<void> {
  const own = volumes ? await anonymousVolumes(engine, id).catch(ignoreGone) : undefined
  await engine.delete(`/containers/${id}`, { force: true, v: volumes }).catch(error => {
    // Somebody else removes it in this moment.
    if (error instanceof ApiError && error.status === 409 && /already in progress/.test(error.message)) return
    ignoreGone(error)
  })
  // A volume that was taken over was named in the request: the engine holds it for a named one, and keeps it.
  for (const { name } of own ?? [])
    await engine.delete(`/volumes/${name}`).catch(error => {
      if (!(error instanceof ApiError && [404, 409].includes(error.status))) throw error
    })
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}

export const stopReported = (
  engine: Engine,
  { id, name, running }: Container,
  around: Surroundings,
  timeoutS?: number,
): Promise<void> =>
  running
    ? reported(around, `Container ${name}`, 'Stopping', 'Stopped', () => stopContainer(engine, id, timeoutS))
    : Promise.resolve()

export const removeReported = (
  engine: Engine,
  { id, name }: Container,
  around: Surroundings,
  volumes = false,
): Promise<void> =>
  reported(around, `Container ${name}`, 'Removing', 'Removed', () => removeContainer(engine, id, volumes))

/** Creating a container, with its image pulled when it is missing. */

import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { compareVersions, type Engine } from '../../client/engine.ts'
import { isNotFound } from '../../client/errors.ts'
import { write } from '../../client/write.ts'
import type { CreateBody } from '../create/body.ts'
import { openFailure } from '../create/environment.ts'
import type { CreateOptions } from '../create/flags.ts'
import { PullFailed } from '../errors.ts'
import { withDefaultTag } from '../images/reference.ts'
import type { Session } from '../session.ts'

interface Created {
  Id: string
  Warnings?: string[] | null
}

export interface CreateJob {
  readonly session: Session
  readonly engine: Engine
  readonly options: CreateOptions
  readonly body: CreateBody
  readonly configFolder: string
}

/** Answers the id. */
export async function createContainer(job: CreateJob): Promise<string> {
  const { session, options } = job
  if (!['always', 'missing', 'never', ''].includes(options.pull))
    throw new Error(`invalid pull option: '${options.pull}': must be one of "always", "missing" or "never"`)
  const cidfile = options.cidfile ? await reserveCidFile(resolve(session.cwd, options.cidfile)) : undefined
  try {
    if (options.pull === 'always') await pullImage(job)
    const { Id, Warnings } = await createOrPull(job)
    for (const warning of Warnings ?? []) await write(session.stderr, `WARNING: ${warning}\n`)
    await cidfile?.write(Id)
    return Id
  } catch (error) {
    await cidfile?.abandon()
    throw error
  }
}

async function createOrPull(job: CreateJob): Promise<Created> {
  const { session, options, body } = job
  try {
    return await post(job)
  } catch (error) {
    if (
      !isNotFound(error) ||
      !/No such image/i.test((error as Error).message) ||
      ['always', 'never'].includes(options.pull)
    )
      throw error
  }
  if (!options.quiet) await write(session.stderr, `Unable to find image '${withDefaultTag(body.Image)}' locally\n`)
  await pullImage(job)
  return await post(job)
}

/** Since then a MAC address belongs to an endpoint, not to the container. */
const MAC_OF_ENDPOINT_SINCE = '1.44'

async function post({ engine, options, body }: CreateJob): Promise<Created> {
  const old = compareVersions(await engine.version(), MAC_OF_ENDPOINT_SINCE) < 0
  const mac = options['mac-address']
  return await engine.post<Created>(
    '/containers/create',
    { name: options.name || undefined, platform: options.platform || undefined },
    old && mac ? { ...body, MacAddress: mac } : body,
  )
}

/** @throws PullFailed */
async function pullImage({ session, engine, options, body, configFolder }: CreateJob): Promise<void> {
  const { pull } = await import('../images/pull.ts')
  const pulled = pull({
    session,
    engine,
    configFolder,
    reference: body.Image,
    platform: options.platform,
    quiet: options.quiet,
    sink: session.stderr,
  })
  await pulled.catch(error => {
    throw new PullFailed(body.Image, error as Error)
  })
}

interface CidFile {
  write(id: string): Promise<void>
  /** Nothing was created: leave no empty file. */
  abandon(): Promise<void>
}

/** Made before the container, so that a second run with the same file is refused. @throws Error */
async function reserveCidFile(path: string): Promise<CidFile> {
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, 'wx', 0o644)
    return {
      write: async id => {
        await file.writeFile(id)
        await file.close()
      },
      abandon: async () => {
        await file.close()
        await rm(path, { force: true })
      },
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new Error(`container ID file found, make sure the other container isn't running or delete ${path}`)
    throw new Error(`failed to create the container ID file: ${openFailure(path, error)}`)
  }
}

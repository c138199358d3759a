/** What is measured of containers: jobs at the API, each from the first request to the last answer. */

import { buffer } from 'node:stream/consumers'
import { create, exec, remove, start } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importImage } from '../support/images.ts'
import { inParallel } from '../support/in-parallel.ts'
import { answered } from './stopwatch.ts'

export interface Job {
  name: string
  /** How often, compared with the job that is done most often. */
  share: number
  /** Once, before the first time. */
  prepare?(engine: Engine): Promise<void>
  /** Once, after the last time. */
  finish?(engine: Engine): Promise<void>
  /** Before the clock runs, every time. */
  before?(engine: Engine): Promise<void>
  /** Resolves with a number where it has a clock of its own: milliseconds. */
  run(engine: Engine): Promise<unknown>
  /** After the clock has stopped, every time. */
  after?(engine: Engine): Promise<void>
}

const HostConfig = { NetworkMode: 'none' }
const PARALLEL = 50
const CLIENTS = 8

const idle = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL', HostConfig }

/** The containers of one job, by engine. */
const crowd = new Map<Engine, string[]>()

async function startCrowd(engine: Engine): Promise<void> {
  const ids: string[] = []
  crowd.set(engine, ids)
  await inParallel(PARALLEL, CLIENTS, async () => ids.push(await start(engine, idle)))
}

const removeCrowd = (engine: Engine): Promise<void> =>
  inParallel(PARALLEL, CLIENTS, number => remove(engine, crowd.get(engine)?.[number] ?? ''))

async function runTrue(engine: Engine, HostConfig: object): Promise<void> {
  const id = await create(engine, { Image: 'busybox', Cmd: ['true'], HostConfig })
  // As `docker run` does: waiting begins before the start.
  const ended = engine.api.post(`/containers/${id}/wait`, undefined, { condition: 'next-exit' })
  await engine.api.post(`/containers/${id}/start`)
  await ended
  await engine.api.delete(`/containers/${id}`)
}

/** `ids`: a running container in each engine, for exec. */
export function jobs(ids: Map<Engine, string>): Job[] {
  return [
    {
      name: 'create + start + wait + remove of `true`, on the bridge',
      share: 1,
      run: engine => runTrue(engine, {}),
    },
    {
      name: 'create + start + wait + remove of `true`, network none',
      share: 1,
      run: engine => runTrue(engine, HostConfig),
    },
    {
      name: 'exec of `true`: create, start, output, exit code',
      share: 1,
      run: async engine => void (await exec(engine, ids.get(engine) ?? '', ['true'])),
    },
    {
      name: 'list of all containers (10 running)',
      share: 1,
      run: async engine => answered(engine, '/containers/json?all=1'),
    },
    {
      name: 'inspect of a container',
      share: 1,
      run: async engine => answered(engine, `/containers/${ids.get(engine)}/json`),
    },
    { name: `${PARALLEL} × create + start, ${CLIENTS} clients`, share: 0.1, run: startCrowd, after: removeCrowd },
    { name: `${PARALLEL} × remove by force, ${CLIENTS} clients`, share: 0.1, before: startCrowd, run: removeCrowd },
    {
      name: 'logs of 10,000 lines',
      share: 0.5,
      run: async engine =>
        void (await buffer(
          await engine.api.stream('GET', '/containers/talker/logs', { query: { stdout: 1, stderr: 1 } }),
        )),
    },
  ]
}

/** What the jobs need: busybox, ten idle containers, one that has printed a lot. The answer is one of the idle. */
export async function prepare(engine: Engine): Promise<string> {
  await importImage(engine, await fixture('busybox.tar'), 'busybox:latest', ['CMD ["sh"]'])
  const ids = await Promise.all(Array.from({ length: 10 }, () => start(engine, idle)))
  await start(engine, { Image: 'busybox', Cmd: ['sh', '-c', 'seq 10000'], HostConfig }, 'talker')
  await engine.api.post('/containers/talker/wait')
  return ids[0] ?? ''
}

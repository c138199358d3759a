/** What is measured of containers: jobs at the API, each from the first request to the last answer. */

import { buffer } from 'node:stream/consumers'
import { start } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importImage } from '../support/images.ts'
import { ANSWERED, answered, request, type Step } from './stopwatch.ts'

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
export const PARALLEL = 50
export const CLIENTS = 8

const idle = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL', HostConfig }

/** The containers of one job, by engine. */
const crowd = new Map<Engine, string[]>()

/** As many of this container as PARALLEL says, by CLIENTS. Returns the milliseconds, and who they are. */
export function startCrowd(engine: Engine, container: object) {
  const steps: Step[] = [
    { method: 'POST', path: '/containers/create', body: container },
    { method: 'POST', path: '/containers/%/start' },
  ]
  return request(engine, Array<Step[]>(PARALLEL).fill(steps), CLIENTS)
}

/** Returns the milliseconds. */
export function removeCrowd(engine: Engine, ids: readonly string[]): number {
  const jobs = ids.map((id): Step[] => [{ method: 'DELETE', path: `/containers/${id}?force=1&v=1` }])
  return request(engine, jobs, CLIENTS).ms
}

function startThem(engine: Engine): number {
  const { ms, ids } = startCrowd(engine, idle)
  crowd.set(engine, ids)
  return ms
}

const removeThem = (engine: Engine): number => removeCrowd(engine, crowd.get(engine) ?? [])

/** As `docker run` does: waiting begins before the start. */
function runTrue(engine: Engine, HostConfig: object): number {
  const { ms } = request(engine, [
    [
      { method: 'POST', path: '/containers/create', body: { Image: 'busybox', Cmd: ['true'], HostConfig } },
      { method: 'POST', path: '/containers/%/wait?condition=next-exit', aside: true },
      { method: 'POST', path: '/containers/%/start' },
      ANSWERED,
      { method: 'DELETE', path: '/containers/%' },
    ],
  ])
  return ms
}

/** Its output is read to the end; the exit code is in what is asked for last. */
function execTrue(engine: Engine, id = ''): number {
  const { ms } = request(engine, [
    [
      {
        method: 'POST',
        path: `/containers/${id}/exec`,
        body: { Cmd: ['true'], AttachStdout: true, AttachStderr: true },
      },
      { method: 'POST', path: '/exec/%/start', body: { Detach: false } },
      { method: 'GET', path: '/exec/%/json' },
    ],
  ])
  return ms
}

/** `ids`: a running container in each engine, for exec. */
export function jobs(ids: Map<Engine, string>): Job[] {
  return [
    {
      name: 'create + start + wait + remove of `true`, on the bridge',
      share: 1,
      run: async engine => runTrue(engine, {}),
    },
    {
      name: 'create + start + wait + remove of `true`, network none',
      share: 1,
      run: async engine => runTrue(engine, HostConfig),
    },
    {
      name: 'exec of `true`: create, start, output, exit code',
      share: 1,
      run: async engine => execTrue(engine, ids.get(engine)),
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
    {
      name: `${PARALLEL} × create + start, ${CLIENTS} clients`,
      share: 0.1,
      run: async engine => startThem(engine),
      after: async engine => void removeThem(engine),
    },
    {
      name: `${PARALLEL} × remove by force, ${CLIENTS} clients`,
      share: 0.1,
      before: async engine => void startThem(engine),
      run: async engine => removeThem(engine),
    },
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

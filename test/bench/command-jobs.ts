/**
 * The command lines as users type them: each job is whole commands, from their start to their end. For skiff that is the launcher
 * (native/launcher); the reference's is Docker's own client.
 */

import type { Engine } from '../support/engine.ts'
import type { Job } from './jobs.ts'
import { time } from './stopwatch.ts'

const CLIENTS = 8
const CROWD = 50
const IDLE = ['busybox', 'sleep', '100000']

const command = (engine: Engine, ...args: string[]): number => time([...engine.command, ...args]).ms

/** The containers of a job, by engine. */
const crowds = new Map<Engine, string[]>()

async function startCrowd(engine: Engine): Promise<number> {
  const run = [...engine.command, 'run', '-d', '--stop-signal', 'KILL', ...IDLE]
  const { ms, lines } = time(run, { times: CROWD, clients: CLIENTS })
  crowds.set(engine, lines)
  return ms
}

const removeCrowd = async (engine: Engine): Promise<number> =>
  command(engine, 'rm', '-f', ...(crowds.get(engine) ?? []))

/** One container that runs during a job. */
const beside: Pick<Job, 'prepare' | 'finish'> = {
  prepare: async engine => void command(engine, 'run', '-d', '--name', 'beside', '--network', 'none', ...IDLE),
  finish: async engine => void command(engine, 'rm', '-f', 'beside'),
}

export const commandJobs = (): Job[] => [
  {
    name: '`run --rm busybox true`',
    share: 1,
    run: async engine => command(engine, 'run', '--rm', 'busybox', 'true'),
  },
  {
    name: '`run --rm --network none busybox true`',
    share: 1,
    run: async engine => command(engine, 'run', '--rm', '--network', 'none', 'busybox', 'true'),
  },
  { name: '`exec c true`', share: 1, ...beside, run: async engine => command(engine, 'exec', 'beside', 'true') },
  { name: '`ps`', share: 1, ...beside, run: async engine => command(engine, 'ps') },
  {
    name: `${CROWD} × \`run -d\`, ${CLIENTS} clients`,
    share: 0.1,
    run: startCrowd,
    after: async engine => void (await removeCrowd(engine)),
  },
  {
    name: `\`rm -f\` of those ${CROWD}`,
    share: 0.1,
    before: async engine => void (await startCrowd(engine)),
    run: removeCrowd,
  },
]

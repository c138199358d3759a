/**
 * The command lines as users type them: each job is whole commands, from their start to their end. For skiff that is the launcher
 * (native/launcher); the reference's is Docker's own client.
 */

import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { Engine } from '../support/engine.ts'
import type { Job } from './jobs.ts'

const CLIENTS = 8
const CROWD = 50
const IDLE = ['busybox', 'sleep', '100000']

/** One command, its output to nobody: beside it nothing else is done here. */
function command(engine: Engine, ...args: string[]): void {
  const [program = '', ...first] = engine.command
  const { status, stderr } = spawnSync(program, [...first, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  if (status !== 0) throw new Error(`${engine.name} ${args.join(' ')}: ${status}\n${stderr}`)
}

const execute = promisify(execFile)

async function commandBesideOthers(engine: Engine, ...args: string[]): Promise<string> {
  const [program = '', ...first] = engine.command
  return (await execute(program, [...first, ...args])).stdout.trim()
}

/** The containers of a job, by engine. */
const crowds = new Map<Engine, string[]>()

async function startCrowd(engine: Engine): Promise<void> {
  const ids: string[] = []
  crowds.set(engine, ids)
  let next = 0
  const client = async () => {
    while (next++ < CROWD) ids.push(await commandBesideOthers(engine, 'run', '-d', '--stop-signal', 'KILL', ...IDLE))
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

async function removeCrowd(engine: Engine): Promise<void> {
  await commandBesideOthers(engine, 'rm', '-f', ...(crowds.get(engine) ?? []))
}

/** One container that runs during a job. */
const beside: Pick<Job, 'prepare' | 'finish'> = {
  prepare: async engine => command(engine, 'run', '-d', '--name', 'beside', '--network', 'none', ...IDLE),
  finish: async engine => command(engine, 'rm', '-f', 'beside'),
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
  { name: `${CROWD} × \`run -d\`, ${CLIENTS} clients`, share: 0.1, run: startCrowd, after: removeCrowd },
  { name: `\`rm -f\` of those ${CROWD}`, share: 0.1, before: startCrowd, run: removeCrowd },
]

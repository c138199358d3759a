/** Projects: skiff compose on skiff against Debian's docker-compose on the reference engine, each as a whole command. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../support/engine.ts'
import type { Job } from './jobs.ts'
import { time } from './stopwatch.ts'

const SERVICES = 10

/** Some wait for others, as in real projects: three layers, a network and a volume. */
function file(): string {
  const service = (number: number) => {
    const below = number < 4 ? '' : `, depends_on: [s${number % 4}]`
    return `  s${number}: {image: busybox, command: sleep 100000, stop_signal: SIGKILL, volumes: ["data:/data"]${below}}\n`
  }
  const services = Array.from({ length: SERVICES }, (_, i) => service(i)).join('')
  return `version: "2.4"\nservices:\n${services}volumes: {data: {}}\n`
}

const folders = new Map<Engine, string>()

async function compose(engine: Engine, ...args: string[]): Promise<number> {
  const command = engine.name === 'skiff' ? [...engine.command, 'compose'] : ['docker-compose']
  const env = { ...process.env, DOCKER_HOST: `unix://${engine.socket}` }
  return time([...command, ...args], { cwd: folders.get(engine), env }).ms
}

const shared: Pick<Job, 'share' | 'prepare' | 'finish'> = {
  share: 0.2,
  async prepare(engine) {
    const folder = await mkdtemp(join(tmpdir(), 'skiffbench'))
    await writeFile(join(folder, 'docker-compose.yml'), file())
    folders.set(engine, folder)
  },
  async finish(engine) {
    await compose(engine, 'down', '-v')
    await rm(folders.get(engine) ?? '', { recursive: true })
  },
}

export const composeJobs = (): Job[] => [
  {
    ...shared,
    name: `compose up -d of ${SERVICES} services`,
    run: engine => compose(engine, 'up', '-d'),
    after: async engine => void (await compose(engine, 'down', '-v')),
  },
  {
    ...shared,
    name: `compose up -d of ${SERVICES} services that run`,
    async prepare(engine) {
      await shared.prepare?.(engine)
      await compose(engine, 'up', '-d')
    },
    run: engine => compose(engine, 'up', '-d'),
  },
  {
    ...shared,
    name: `compose down -v of ${SERVICES} services`,
    before: async engine => void (await compose(engine, 'up', '-d')),
    run: engine => compose(engine, 'down', '-v'),
  },
]

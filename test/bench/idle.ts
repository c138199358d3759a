/**
 * What an idle container costs beside its own process: proportional set size (PSS, proc_pid_smaps(5)) of the runtime's processes for each
 * container, and what the daemons grow by. skiff with 300 at once, the reference engine with 30: it needs a second for each.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { processesOf, RUN } from '../support/machine.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { saveSection } from './results.ts'

const CLIENTS = 4
const COUNTS = { skiff: 300, docker: 30 }
const HEADING = 'Three hundred containers at once'

interface Weight {
  containers: number
  /** In kB of PSS: of the processes beside the containers, and of the daemons, before and with the containers. */
  besideKb: number
  daemonBeforeKb: number
  daemonKb: number
}

async function pssKb(pid: number): Promise<number> {
  try {
    return Number(/^Pss: +(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1])
  } catch {
    // It ended meanwhile.
    return 0
  }
}

async function weigh(engine: Engine, inside: ReadonlySet<number>): Promise<{ daemonKb: number; besideKb: number }> {
  const sum = { daemonKb: 0, besideKb: 0 }
  for (const pid of await processesOf(engine.folder)) {
    if (inside.has(pid)) continue
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim()
    const isDaemon = pid === (await engine.daemonPid()) || name === 'containerd'
    sum[isDaemon ? 'daemonKb' : 'besideKb'] += await pssKb(pid)
  }
  return sum
}

async function measure(engine: Engine, count: number): Promise<Weight> {
  await importBusybox(engine)
  const spec = {
    Image: 'busybox',
    Cmd: ['sleep', '100000'],
    StopSignal: 'SIGKILL',
    HostConfig: { NetworkMode: 'none' },
  }
  // What the first container costs is not what one more does.
  await remove(engine, await start(engine, spec))
  await pause(3_000)
  const before = await weigh(engine, new Set())
  const ids: string[] = []
  const client = async () => {
    while (ids.length < count) {
      const place = ids.push('') - 1
      ids[place] = await start(engine, spec)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  // The reference engine loses one now and then on a machine under load; what is there is what is weighed.
  const running: { Id: string }[] = await engine.api.get('/containers/json')
  if (engine.name === 'skiff') expect(running).toHaveLength(count)
  expect((await exec(engine, running[0]!.Id, ['echo', 'here'])).stdout).toBe('here\n')
  await pause(3_000)
  const inside = new Set<number>()
  for (const { Id } of running) inside.add((await inspect(engine, Id)).State.Pid)
  const { daemonKb, besideKb } = await weigh(engine, inside)
  let next = 0
  const remover = async () => {
    while (next < ids.length) await remove(engine, ids[next++]!)
  }
  await Promise.all(Array.from({ length: CLIENTS }, remover))
  return { containers: running.length, besideKb: besideKb / running.length, daemonBeforeKb: before.daemonKb, daemonKb }
}

const growth = ({ daemonKb, daemonBeforeKb, containers }: Weight) => (daemonKb - daemonBeforeKb) / containers
const total = (weight: Weight) => weight.besideKb + growth(weight)
const kb = (number: number) => `${number.toFixed(1)} kB`
const ratio = (docker: number, skiff: number) => (skiff <= 0 ? '' : `1/${(docker / skiff).toFixed(1)}`)

function section(skiff: Weight, docker: Weight): string {
  const row = (name: string, of: (weight: Weight) => number) =>
    `| ${name} | ${kb(of(docker))} | ${kb(of(skiff))} | ${ratio(of(docker), of(skiff))} |`
  return [
    `\`sh test/bench/idle\`: PSS with ${skiff.containers} idle containers in skiff and ${docker.containers} in the Docker engine, without a network.`,
    '',
    '| per container | Docker | skiff | ratio |',
    '| --- | --- | --- | --- |',
    row('the processes beside it (shims)', ({ besideKb }) => besideKb),
    row('growth of the daemons', growth),
    row('together', total),
    '',
    `The daemons by themselves: ${kb(docker.daemonBeforeKb)} (dockerd and containerd), ${kb(skiff.daemonBeforeKb)} (skiffd).`,
    '',
  ].join('\n')
}

test('idle containers', async () => {
  const execRoot = await mkdtemp(`/dev/shm/skiff-test-${RUN}-`)
  disposeLater(() => rm(execRoot, { recursive: true, force: true }))
  const skiff = await startDaemon({ parent: '/var/tmp', execRoot, logLevel: 'info' })
  const ofSkiff = await measure(skiff, COUNTS.skiff)
  const ofDocker = await measure(await startReferenceEngine({ parent: '/var/tmp' }), COUNTS.docker)
  const text = section(ofSkiff, ofDocker)
  console.log(`\n${text}`)
  await saveSection(HEADING, text)
})

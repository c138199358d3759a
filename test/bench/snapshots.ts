/**
 * The benchmark of snapshots: see ./run-snapshots. MariaDB of the services image, with 100 MB of rows: how long it takes until it answers a
 * question about them again. Cold is what a test without snapshots does: a new container, an empty data folder, and the dump.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { create, exec, remove, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox, importServices } from '../support/images.ts'
import { mariadb } from '../support/services.ts'
import { reset, snapshot } from '../support/snapshots.ts'
import { median } from './table.ts'

const rounds = Number(process.env.SKIFF_BENCH_ROUNDS ?? 3)
const ROWS = 100_000
const FILL = `CREATE TABLE fixtures (id INT PRIMARY KEY, name VARCHAR(40), body VARCHAR(1000), KEY (name)) ENGINE=InnoDB;
INSERT INTO fixtures SELECT seq, MD5(seq), RPAD(SHA1(seq), 1000, SHA2(seq, 256)) FROM seq_1_to_${ROWS};`

test('fresh fixtures', { timeout: 600_000 }, async () => {
  const skiff = await startDaemon({ logLevel: 'info' })
  await importBusybox(skiff)
  await importServices(skiff)
  const dumps = join(skiff.folder, 'dumps')
  await mkdir(dumps, { mode: 0o777 })
  const database = (binds: string[] = []) =>
    mariadb({ NetworkMode: 'none', Binds: [`${dumps}:/dumps`, ...binds] }, { StopSignal: 'SIGTERM' })
  const bench = new Bench(skiff)

  const inRoot = await start(skiff, database())
  const inVolume = await start(skiff, database(['rows:/var/lib/mysql']))
  await bench.ready(inRoot, 'SELECT 1', 1)
  await bench.sh(inRoot, `mariadb app -e '${FILL}' && mariadb-dump app >/dumps/app.sql`)
  await bench.ready(inVolume, 'SELECT 1', 1)
  await bench.sh(inVolume, 'mariadb app </dumps/app.sql')
  await bench.timed('snapshot create --stop, ready again', async () => {
    await snapshot(skiff, inRoot, 'root', { stop: 1 })
    await bench.ready(inRoot)
  })
  await snapshot(skiff, inVolume, 'volume', { stop: 1, volumes: 1 })
  await bench.ready(inVolume)
  const idle = await start(skiff, { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig: { NetworkMode: 'none' } })
  await snapshot(skiff, idle, 'idle', { stop: 1, t: 0 })

  for (let round = 0; round < rounds; round++) {
    await bench.timed(COLD, async () => {
      const id = await start(skiff, database())
      await bench.ready(id, 'SELECT 1', 1)
      await bench.sh(id, 'mariadb app </dumps/app.sql')
      await bench.ready(id)
      return id
    })
    for (const [what, id] of [
      ['reset, data in the root', inRoot],
      ['reset, data in a volume', inVolume],
    ] as const) {
      await bench.sh(id, "mariadb app -e 'DELETE FROM fixtures WHERE id % 10 = 0'")
      await bench.timed(what, async () => {
        await reset(skiff, id)
        await bench.ready(id)
      })
    }
    await bench.timed('a new container --from-snapshot', async () => {
      const id = await create(skiff, { Image: '', FromSnapshot: 'root', HostConfig: { NetworkMode: 'none' } })
      await skiff.api.post(`/containers/${id}/start`)
      await bench.ready(id)
      return id
    })
    await bench.timed('reset of a container that sleeps', () => reset(skiff, idle))
    await skiff.api.post(`/containers/${idle}/stop`, undefined, { t: 0 })
    await bench.timed('snapshot create of one that is stopped', () => snapshot(skiff, idle, `idle-${round}`))
    await bench.timed('reset of one that is stopped', () => reset(skiff, idle))
    await skiff.api.post(`/containers/${idle}/start`)
  }
  bench.print()
})

const COLD = 'a new container and the dump'

class Bench {
  readonly #times = new Map<string, number[]>()

  constructor(private readonly skiff: Daemon) {}

  async sh(id: string, line: string): Promise<void> {
    const { stdout, stderr, exitCode } = await exec(this.skiff, id, ['sh', '-c', line])
    if (exitCode !== 0) throw new Error(`${line}: ${stdout}${stderr}`)
  }

  /** Until the database answers this: all of its rows, unless it has none yet. */
  ready(id: string, question = 'SELECT COUNT(*) FROM fixtures', answer = ROWS): Promise<void> {
    const ask = `[ "$(mariadb -N app -e '${question}' 2>/dev/null)" = ${answer} ]`
    return this.sh(id, `for i in $(seq 6000); do ${ask} && exit; sleep 0.005; done; exit 1`)
  }

  /** What it answers is removed afterwards. */
  async timed(what: string, work: () => Promise<string | unknown>): Promise<void> {
    const start = performance.now()
    const made = await work()
    this.#times.set(what, [...(this.#times.get(what) ?? []), performance.now() - start])
    if (typeof made === 'string') await remove(this.skiff, made)
  }

  print(): void {
    const cold = median(this.#times.get(COLD) ?? [])
    for (const [what, times] of this.#times) {
      const ms = median(times)
      console.log(
        `${what.padEnd(42)} ${ms.toFixed(1).padStart(9)} ms   1/${(cold / ms).toFixed(1)}   ${times.map(Math.round).join(' ')}`,
      )
    }
  }
}

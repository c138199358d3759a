/** A daemon with userns-remap: it may add ranges to the machine's tables, which are put back as they were. */

import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../../src/kernel/errors.ts'
import { disposeLater } from './disposal.ts'
import { RUN } from './machine.ts'

async function keep(path: string): Promise<void> {
  const before = await readFile(path, 'utf8')
  disposeLater(() => writeFile(path, before))
}

/** One test file at a time: of two, the second would put back what the first has added. */
async function waitForTurn(): Promise<void> {
  const lock = join(tmpdir(), `skiff-test-${RUN}-subordinate-ids`)
  for (;;) {
    try {
      await writeFile(lock, `${process.pid}\n`, { flag: 'wx' })
      break
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      await sleep(50)
    }
  }
  disposeLater(() => rm(lock))
}

/** Words for the daemon's command line; call it before the daemon starts. */
export async function remapping(): Promise<string[]> {
  await waitForTurn()
  await keep('/etc/subuid')
  await keep('/etc/subgid')
  return ['--userns-remap', 'default']
}

/** The host's id of such a container's root. */
export async function firstSubordinateId(): Promise<number> {
  const line = /^(?:dockremap|skiffremap):(\d+):/m.exec(await readFile('/etc/subuid', 'utf8'))
  return Number(line?.[1])
}

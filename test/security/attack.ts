/**
 * An engine under attack: a daemon with the image `attack`, which is busybox with hostile programs in /attack (programs/*.c).
 * A test in this folder repeats one published attack, and then shows with a weakened setting that the same attack would be seen
 * if it worked: a test that cannot fail proves nothing.
 */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ApiError } from '../support/client.ts'
import { exec, type Finished, inspect, run, type Spec, start } from '../support/containers.ts'
import { type Daemon, type DaemonOptions, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importImage } from '../support/images.ts'
import { archive, type TarEntry } from '../support/layer-room.ts'
import { RUN } from '../support/machine.ts'

const BLOCK = 512
const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const BUILD = fileURLToPath(new URL('../../build/attack', import.meta.url))

/** The folder with the programs, for those who run them on the host. */
export const PROGRAMS = join(BUILD, 'attack')

/** Builds what is out of date, one caller at a time. Answers the image's archive. */
export async function buildAttack(): Promise<string> {
  await mkdir(PROGRAMS, { recursive: true })
  const make = ['make', '-s', '-C', FOLDER, `ROOTFS=${await fixture('busybox.tar')}`]
  await promisify(execFile)('flock', [join(BUILD, 'lock'), ...make])
  return join(BUILD, 'attack.tar')
}

export async function startVictim(options: DaemonOptions = {}): Promise<Daemon> {
  const [engine, attack] = await Promise.all([startDaemon(options), buildAttack()])
  await importImage(engine, attack, 'attack:latest', ['CMD ["sh"]'])
  return engine
}

/** An image of the attacker's own: these entries on top of the image `attack`, or in place of what it has. */
export async function hostileImage(engine: Engine, repo: string, entries: TarEntry[]): Promise<void> {
  const base = await readFile(await buildAttack())
  const { status, text } = await engine.api.request('POST', '/images/create', {
    query: { fromSrc: '-', repo, changes: ['CMD ["sh"]'] },
    body: Buffer.concat([base.subarray(0, endOfEntries(base)), await archive(entries)]),
    headers: { 'Content-Type': 'application/x-tar' },
  })
  if (status !== 200 || text.includes('"error"')) throw new Error(`the image ${repo} cannot be made: ${text}`)
}

/** Where the blocks of zeroes begin that close an archive. */
function endOfEntries(tar: Buffer): number {
  let end = tar.length
  while (tar.subarray(end - BLOCK, end).every(byte => byte === 0)) end -= BLOCK
  return end
}

/** Without a network, which no attack here needs. */
const without = (spec: Partial<Spec>): Spec => ({
  Image: 'attack',
  ...spec,
  HostConfig: { NetworkMode: 'none', ...spec.HostConfig },
})

/** Runs a shell script in a container of its own. */
export const attack = (engine: Engine, script: string, host: object = {}, spec: object = {}): Promise<Finished> =>
  run(engine, without({ Cmd: ['sh', '-c', script], HostConfig: host, ...spec }))

/** The output of such a script, by lines. */
export const attackLines = async (...args: Parameters<typeof attack>): Promise<string[]> => {
  const { stdout, stderr } = await attack(...args)
  return `${stdout}${stderr}`.split('\n').filter(Boolean)
}

/** A hostile container that runs until the test ends, on a terminal: its output comes as it is, unframed. */
export async function hostile(
  engine: Engine,
  command: string[],
  host: object = {},
  spec: object = {},
): Promise<string> {
  const id = await start(engine, without({ Cmd: command, HostConfig: host, Tty: true, ...spec }))
  // Before the folders that it is at work in: they could not be removed under its hands.
  disposeLater(
    async () => void (await engine.api.request('DELETE', `/containers/${id}`, { query: { force: 1, v: 1 } })),
  )
  return id
}

/** Waits until such a container has printed a line that matches, or has ended; answers all the lines that it has printed. */
export async function printed(engine: Engine, id: string, pattern: RegExp): Promise<string[]> {
  const query = { stdout: 1, stderr: 1, follow: 1 }
  const stream = await engine.api.stream('GET', `/containers/${id}/logs`, { query })
  let text = ''
  for await (const chunk of stream) {
    text += chunk
    if (pattern.test(text)) break
  }
  stream.destroy()
  return text.split('\r\n').filter(Boolean)
}

/**
 * Lets a container lie in wait (programs/stalk.c) for processes that enter it by exec, until it has caught some; its report.
 * One that it misses does no harm: another one follows.
 */
export async function stalkExecs(engine: Engine, command: string[], host: object, image = 'attack'): Promise<string[]> {
  const id = await hostile(engine, ['/attack/stalk', '400', '3'], host, { Image: image })
  await printed(engine, id, /waiting/)
  while ((await inspect(engine, id)).State.Running) {
    // The attacker may have ended in between.
    await exec(engine, id, command).catch(error => {
      if (!(error instanceof ApiError)) throw error
    })
  }
  return printed(engine, id, /$^/)
}

/** A folder on the host that tests share with containers; as good as any that an administrator would mount. */
export async function sharedFolder(): Promise<string> {
  const folder = await mkdtemp(`/var/tmp/skiff-test-${RUN}-attack-`)
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  return folder
}

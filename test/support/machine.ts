/**
 * What of the machine a container engine can leave behind, and the comparison that finds it:
 * processes, mounts, cgroups, links, nftables tables, files. Read from /proc and /sys; nft(8) lists the tables.
 */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hasCode } from '../../src/kernel/errors.ts'

/** Names of this test run's folders begin with `/tmp/skiff-test-RUN-`. The whole vitest run shares one. */
export const RUN = process.env.SKIFF_TEST_RUN ?? randomBytes(3).toString('hex')

/** One kind of object → what there is of it, each described in a line. */
export interface Machine {
  processes: string[]
  mounts: string[]
  cgroups: string[]
  links: string[]
  nftTables: string[]
  files: string[]
}

/** Folders whose entries are ours, and which names in them. */
const PLACES: [folder: string, names: RegExp][] = [
  ['/run', /^skiff/],
  ['/var/lib', /^skiff/],
  ['/tmp', /^skiff-/],
  ['/var/tmp', /^skiff-/],
  ['/dev/shm', /./],
]
/** Kept on purpose, for the next run. */
const KEPT = ['/var/tmp/skiff-fixtures', '/var/tmp/skiff-vm']

/** The folder's entries; none when it does not exist or went away meanwhile. */
export async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ESRCH')) return []
    throw error
  }
}

/** A file of /proc/PID: undefined when the process has gone. */
async function ofProcess<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    // EACCES and EPERM: a process that we may not look into is not ours.
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL')) return undefined
    throw error
  }
}

export const pids = async (): Promise<number[]> =>
  (await entries('/proc')).filter(name => /^\d+$/.test(name)).map(Number)

/** The fields of /proc/PID/stat after the name: [0] state, [1] ppid, [19] start time. */
export async function statOf(pid: number): Promise<string[] | undefined> {
  const text = await ofProcess(readFile(`/proc/${pid}/stat`, 'utf8'))
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

export const commandOf = async (pid: number): Promise<string> =>
  ((await ofProcess(readFile(`/proc/${pid}/cmdline`, 'utf8'))) ?? '').replaceAll('\0', ' ').trim()

/** This process, its parents and all their descendants that are not orphans: the test run itself. */
async function family(): Promise<Set<number>> {
  const parents = new Map<number, number>()
  for (const pid of await pids()) {
    const ppid = (await statOf(pid))?.[1]
    if (ppid !== undefined) parents.set(pid, Number(ppid))
  }
  const members = new Set<number>([process.pid])
  // test/run has a virtual machine run beside the tests.
  if (process.env.SKIFF_TEST_VM_PID) members.add(Number(process.env.SKIFF_TEST_VM_PID))
  for (let size = 0; size !== members.size; ) {
    size = members.size
    for (const [pid, ppid] of parents) if (members.has(ppid)) members.add(pid)
  }
  for (let pid = parents.get(process.pid) ?? 0; pid > 1; pid = parents.get(pid) ?? 0) members.add(pid)
  return members
}

/**
 * Processes outside of this one's family, but in its cgroups: orphans of this run, while processes that others
 * started on a shared machine stand in cgroups of their own. Kernel threads and zombies do not count.
 */
async function processes(): Promise<string[]> {
  const own = await readFile('/proc/self/cgroup', 'utf8')
  const ours = await family()
  const found: string[] = []
  for (const pid of await pids()) {
    const stat = await statOf(pid)
    if (ours.has(pid) || stat === undefined || stat[0] === 'Z' || stat[1] === '2' || pid === 2) continue
    if ((await ofProcess(readFile(`/proc/${pid}/cgroup`, 'utf8'))) !== own) continue
    found.push(`process ${pid} (started at ${stat[19]}): ${await commandOf(pid)}`)
  }
  return found
}

/** The mount points of every cgroup hierarchy: the unified one and each v1 controller. */
export async function cgroupMounts(): Promise<string[]> {
  const points = new Set<string>()
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    if (/^cgroup2? /.test(after)) points.add(before.split(' ')[4] ?? '')
  }
  return [...points]
}

async function foldersBelow(folder: string): Promise<string[]> {
  const children = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const found: string[] = []
  for (const child of children) {
    if (!child.isDirectory()) continue
    const path = join(folder, child.name)
    found.push(path, ...(await foldersBelow(path)))
  }
  return found
}

/** Every cgroup but the tool's that runs the commands on the project's machines. */
export async function cgroups(): Promise<string[]> {
  const all = await Promise.all((await cgroupMounts()).map(foldersBelow))
  return all.flat().filter(path => !path.includes('/process_api'))
}

async function nftTables(): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('nft', ['list', 'tables'])
    return stdout.split('\n').filter(Boolean)
  } catch (error) {
    // Without nft(8), or without nftables in the kernel, nobody has made a table.
    if (hasCode(error, 'ENOENT') || /Operation not (supported|permitted)/.test(String(error))) return []
    throw error
  }
}

async function files(): Promise<string[]> {
  const found = await Promise.all(
    PLACES.map(async ([folder, names]) =>
      (await entries(folder)).filter(name => names.test(name)).map(name => join(folder, name)),
    ),
  )
  return found.flat().filter(path => !KEPT.includes(path))
}

/** Mount id, parent and peer groups differ from mount to mount: what counts is what is mounted where. */
async function mounts(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n')
  return lines.map(line => line.replace(/^\d+ \d+ /, 'mount ').replace(/ (shared|master|propagate_from):\d+/g, ''))
}

export async function lookAtMachine(): Promise<Machine> {
  const [a, b, c, d, e, f] = await Promise.all([
    processes(),
    mounts(),
    cgroups(),
    entries('/sys/class/net'),
    nftTables(),
    files(),
  ])
  return { processes: a, mounts: b, cgroups: c, links: d.map(name => `link ${name}`), nftTables: e, files: f }
}

/** Items of `after` that `before` does not have, as often as they are there. */
function added(before: string[], after: string[]): string[] {
  const left = [...before]
  return after.filter(item => {
    const index = left.indexOf(item)
    if (index >= 0) left.splice(index, 1)
    return index < 0
  })
}

/** What is on the machine now and was not before, and what has disappeared: a line each; none when all is as it was. */
export function compareMachines(before: Machine, after: Machine): string[] {
  return (Object.keys(before) as (keyof Machine)[]).flatMap(kind => [
    ...added(before[kind], after[kind]).map(item => `left behind: ${item}`),
    // A process may end by itself; a mount, link or table that vanishes was taken from its owner.
    ...(kind === 'processes' ? [] : added(after[kind], before[kind]).map(item => `missing now: ${item}`)),
  ])
}

/**
 * Processes that have to do with a folder: named on their command line, open, current, or the root's overlay.
 * That finds an engine's daemon, its shims and its containers, wherever they were reparented to.
 */
export async function processesOf(folder: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of await pids()) if (pid !== process.pid && (await touches(pid, folder))) found.push(pid)
  return found
}

async function touches(pid: number, folder: string): Promise<boolean> {
  const base = `/proc/${pid}`
  if (((await ofProcess(readFile(`${base}/mountinfo`, 'utf8'))) ?? '').includes(`${folder}/`)) return true
  const names = ['cwd', 'exe', ...(await entries(`${base}/fd`).catch(() => [])).map(fd => `fd/${fd}`)]
  for (const name of names) if ((await ofProcess(readlink(`${base}/${name}`)))?.startsWith(`${folder}/`)) return true
  return false
}

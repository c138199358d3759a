/** build/bench.json: what was measured last of each job, by whichever run; docs/performance.md is written from it alone. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hasCode } from '../../src/kernel/errors.ts'

const PATH = fileURLToPath(new URL('../../build/bench.json', import.meta.url))
const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))

export interface Row {
  job: string
  docker: number[]
  skiff: number[]
  unit: 'ms' | 'kB'
  /** Of others that do the same, by their names. */
  others?: Record<string, number[]>
}

export interface Results {
  rows: Row[]
  /** Sections of other benchmarks, by their headings: Markdown. */
  sections: Record<string, string>
  /** Who does not run on this machine, and why. */
  absent: string[]
  /** What it was measured on, and with. */
  facts: { machine: string; docker: string; day: string; load: number }
}

const facts = (docker: string): Results['facts'] => ({
  machine: `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
  docker,
  day: new Date().toISOString().slice(0, 10),
  load: loadavg()[1] ?? 0,
})

export async function readResults(): Promise<Results> {
  try {
    return JSON.parse(await readFile(PATH, 'utf8')) as Results
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    return { rows: [], sections: {}, absent: [], facts: facts('') }
  }
}

/** Adds rows to what there is, each in the place of an earlier one of the same job, in the order of `jobs`. */
export async function saveRows(rows: Row[], jobs: string[], absent: string[], dockerVersion: string): Promise<Results> {
  const results = await readResults()
  const byJob = new Map([...results.rows, ...rows].map(row => [row.job, row]))
  const place = (job: string) => (jobs.indexOf(job) + jobs.length) % jobs.length
  results.rows = [...byJob.values()].sort((a, b) => place(a.job) - place(b.job))
  if (absent.length > 0) results.absent = absent
  return save({ ...results, facts: facts(dockerVersion) })
}

export async function saveSection(heading: string, text: string): Promise<Results> {
  const results = await readResults()
  results.sections[heading] = text
  return save(results)
}

async function save(results: Results): Promise<Results> {
  await mkdir(dirname(PATH), { recursive: true })
  await writeFile(PATH, `${JSON.stringify(results, null, 1)}\n`)
  return results
}

export const writePage = (text: string): Promise<void> => writeFile(PAGE, text)

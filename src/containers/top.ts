/** docker top: the host's ps(1), asked about all processes; its lines about this container's are the answer. As Docker does it. */

import { execFile } from 'node:child_process'
import { Conflict, hasCode, InvalidParameter, Unavailable } from '../kernel/errors.ts'
import type { Context } from './context.ts'
import type { LiveContainer } from './live.ts'

export interface ProcessTable {
  titles: string[]
  processes: string[][]
}

/** @throws Conflict if it does not run, InvalidParameter for arguments that ps refuses */
export async function topOf(context: Context, container: LiveContainer, psArgs: string): Promise<ProcessTable> {
  const { process, id, state } = container
  if (state.restarting) throw new Conflict(`Container ${id} is restarting, wait until the container is running`)
  if (process === null) throw new Conflict(`Container ${id} is not running`)
  const args = (psArgs || '-ef').split(/\s+/).filter(arg => arg !== '')
  // Each option is an argument of its own: no shell sees them. The pid may come without a heading of its own (-o pid=).
  if (args.some(arg => /pid=/i.test(arg)))
    throw new InvalidParameter(`specified PID column may not be renamed: ${psArgs}`)
  const output = await runPs(args)
  const table = selectProcesses(output, new Set(process.cgroup.processes()))
  context.emit(container, 'top')
  return table
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

function runPs(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, LC_ALL: 'C' } }
    execFile('ps', args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (hasCode(error, 'ENOENT'))
        reject(new Unavailable('ps is not installed: it is part of the package procps'))
      else reject(new InvalidParameter(`ps: ${stderr.split('\n')[0] || error.message}`))
    })
  })
}

/** @throws InvalidParameter if there is no column PID */
export function selectProcesses(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [heading = '', ...lines] = output.split('\n')
  const titles = heading.trim().split(/\s+/)
  const column = titles.indexOf('PID')
  if (column < 0) throw new InvalidParameter("Couldn't find PID field in ps output")
  const rows = lines.filter(line => line.trim() !== '').map(line => split(line, titles.length))
  return { titles, processes: rows.filter(row => pids.has(Number(row[column]))) }
}

/** The last column takes the rest: a command line has spaces of its own. */
function split(line: string, columns: number): string[] {
  const fields = line.trim().split(/\s+/)
  return fields.length <= columns ? fields : [...fields.slice(0, columns - 1), fields.slice(columns - 1).join(' ')]
}

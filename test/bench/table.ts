/** The figures as a table that is read on a terminal and in Markdown alike. */

import { cpus, loadavg, release, totalmem } from 'node:os'

export interface Row {
  job: string
  docker: number[]
  skiff: number[]
  unit: 'ms' | 'kB'
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

const digits = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)

/** Median, then least and most when there are several. */
function figure(values: number[], unit: string): string {
  const range = values.length > 1 ? ` (${digits(Math.min(...values))}–${digits(Math.max(...values))})` : ''
  return `${digits(median(values))} ${unit}${range}`
}

export function table(rows: Row[]): string {
  const cells = rows.map(({ job, docker, skiff, unit }) => {
    const ratio = median(docker) / median(skiff)
    return [job, figure(docker, unit), figure(skiff, unit), ratio >= 1 ? `1/${digits(ratio)}` : digits(1 / ratio)]
  })
  const head = ['job', 'Docker', 'skiff', 'skiff needs']
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map(row => row[column]?.length ?? 0)))
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`, ...cells.map(line)].join('\n')
}

/** docs/performance.md */
export function page(rows: Row[], dockerVersion: string): string {
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`
  return `# How fast it is

\`npm run bench\` starts skiff's daemon and a Docker engine (${dockerVersion}, with containerd and runc) side by side, does each job in
turns, and prints medians with the least and the most in parentheses. Jobs are timed at the API, from the first request to the last
answer. Figures move with the machine; the ratio of two engines measured in the same minutes is what counts.

Written by \`npm run bench -- --write\` on ${new Date().toISOString().slice(0, 10)}: ${machine}.
Load average of the last quarter of an hour: ${loadavg()[2]?.toFixed(1)}. Where it exceeds the cores, the machine did other work too.

${table(rows)}

Memory is what is private to the runtime's processes (\`Private_Clean\` and \`Private_Dirty\` of \`/proc/PID/smaps_rollup\`), with ten
containers idling: skiffd against dockerd and containerd, one shim against one shim.
`
}

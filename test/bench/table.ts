/** The figures as tables that are read on a terminal and in Markdown alike, and the page that they are in. */

import { aimOf } from './aims.ts'
import type { Results, Row } from './results.ts'

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

const fraction = (ratio: number): string => (ratio >= 1 ? `1/${digits(ratio)}` : digits(1 / ratio))

function aim({ job, docker, skiff }: Row): string {
  const times = aimOf(job)?.times
  if (times === undefined) return ''
  return median(docker) / median(skiff) >= times ? `1/${times}: reached` : `1/${times}`
}

const others = ({ others = {}, unit }: Row): string =>
  Object.entries(others)
    .map(([name, values]) => `${name} ${digits(median(values))} ${unit}`)
    .join(', ')

export function table(rows: Row[]): string {
  const cells = rows.map(row => [
    row.job,
    figure(row.docker, row.unit),
    figure(row.skiff, row.unit),
    fraction(median(row.docker) / median(row.skiff)),
    aim(row),
    others(row),
  ])
  const head = ['job', 'Docker', 'skiff', 'skiff needs', 'aim', 'others']
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map(row => row[column]?.length ?? 0)))
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`, ...cells.map(line)].join('\n')
}

/** docs/performance.md */
export function page({ rows, sections, absent, facts }: Results): string {
  const further = Object.entries(sections).map(([heading, text]) => `\n## ${heading}\n\n${text.trim()}\n`)
  const missing = absent.map(line => `- ${line}\n`).join('')
  return `# How fast it is

\`npm run bench\` starts skiff's daemon and a Docker engine (${facts.docker}, with containerd and runc) side by side, does each job in
turns (a short one three times a turn), and prints medians with the least and the most in parentheses. Figures move with the machine; the ratio of two engines measured in
the same minutes is what counts. Jobs in \`code\` are whole commands, from their start to their end (skiff's is the launcher, as \`install-system\` puts it on the PATH), timed by
\`test/bench/stopwatch.c\`: to start them from Node would add milliseconds to each. The others are timed at the API, from the first
request to the last answer, by \`test/bench/requests.c\` and \`answer.c\` where a client in Node would take more than a little of the same cores. Of both engines the data-root is on the disk, and the exec-root in memory, as \`/run\` is.

Written by \`npm run bench -- --write\` on ${facts.day}: ${facts.machine}.
It can be run in pieces (\`--only WORD,…\`), each of which writes its rows into \`build/bench.json\`, and \`--write\` makes this page of them.

${table(rows)}

**bare kernel** is \`test/bench/bare.c\`: new namespaces, an overlay, \`pivot_root\`, \`/proc\`, \`true\`, its end, and the removal of what the
mount made; on the bridge also a veth pair, an address and a route. Without a cgroup, a seccomp filter, a log, or a command line that asks
for it. **runc** and **crun** alone run a bundle whose root is a plain folder. **podman** runs without limits on open files and processes,
and both podman and crun without the cgroup2 mount, or they would not run on this machine (\`test/bench/others.ts\`).
${missing === '' ? '' : `\nNot run:\n\n${missing}`}
Memory is what is private to the runtime's processes (\`Private_Clean\` and \`Private_Dirty\` of \`/proc/PID/smaps_rollup\`), with ten
containers idling: skiffd against dockerd and containerd, one shim against one shim.
${further.join('')}`
}

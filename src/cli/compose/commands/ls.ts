/** skiff compose ls: the projects that have containers. */

import { LABEL } from '../../../compose/engine/labels.ts'
import { type Container, findContainers } from '../../../compose/engine/observe.ts'
import { CommandError } from '../../errors.ts'
import { align } from '../../output/table.ts'
import { bool, filter, string } from '../../parse/flag.ts'
import { say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

/** Docker's compose lays its own tables out wider than its other lists. */
const MIN_WIDTH = 20

export const ls = subcommand({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    all: bool('Show projects that are stopped too', { short: 'a' }),
    filter: filter('Show only projects with this property: name=…'),
    format: string('table or json', { initial: 'table' }),
    quiet: bool('Show only names', { short: 'q' }),
  },
  async run(context) {
    const { engine, options } = context
    const containers = await findContainers(engine, undefined, options.all)
    const names = [...new Set(containers.map(({ project }) => project))].sort()
    const wanted = options.filter.name?.map(pattern => new RegExp(pattern))
    const rows = names
      .filter(name => !wanted || wanted.some(pattern => pattern.test(name)))
      .map(name => {
        const own = containers.filter(({ project }) => project === name)
        return {
          Name: name,
          Status: statusOf(own),
          ConfigFiles: [...new Set(own.flatMap(({ labels }) => (labels[LABEL.files] ?? 'N/A').split(',')))].join(','),
        }
      })
    if (options.quiet) return await say(context, rows.map(({ Name }) => `${Name}\n`).join(''))
    if (options.format === 'json') return await say(context, `${JSON.stringify(rows)}\n`)
    if (options.format !== 'table')
      throw new CommandError(`format value ${JSON.stringify(options.format)} could not be parsed: parsing failed`)
    const cells = [
      ['NAME', 'STATUS', 'CONFIG FILES'],
      ...rows.map(({ Name, Status, ConfigFiles }) => [Name, Status, ConfigFiles]),
    ]
    await say(context, align(cells.map(line => `${line.join('\t')}\n`).join(''), { minWidth: MIN_WIDTH }))
  },
})

/** exited(1), running(2) */
function statusOf(containers: readonly Container[]): string {
  const counts = new Map<string, number>()
  for (const { state } of containers) counts.set(state, (counts.get(state) ?? 0) + 1)
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([state, count]) => `${state}(${count})`)
    .join(', ')
}

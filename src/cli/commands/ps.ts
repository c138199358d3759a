/** skiff ps: the containers there are. */

import { filtersParameter } from '../../client/engine.ts'
import { command } from '../command.ts'
import { type ContainerSummary, containerColumns } from '../containers/summary.ts'
import { formatFlag, printListing } from '../output/format.ts'
import { bool, filter, int } from '../parse/flag.ts'

const SHOWN = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names']

export const ps = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    all: bool('Show all containers, not only running ones', { short: 'a' }),
    filter: filter('Show only containers with this property: name=value', { short: 'f' }),
    format: formatFlag(),
    last: int('Show the n containers created last, in any state', { short: 'n', initial: -1 }),
    latest: bool('Show the container created last, in any state', { short: 'l' }),
    'no-trunc': bool('Do not shorten values'),
    quiet: bool('Show only IDs', { short: 'q' }),
    size: bool('Show the sizes of the file systems', { short: 's' }),
  },
  async run({ session, engine, options }) {
    const limit = options.latest && options.last === -1 ? 1 : options.last
    const rows = await engine.get<ContainerSummary[]>('/containers/json', {
      all: options.all,
      limit: limit > 0 ? limit : undefined,
      size: options.size || /\.Size\b|\bjson\s+\.\s*[|})]/.test(options.format),
      filters: filtersParameter(options.filter),
    })
    await printListing(session, {
      rows,
      columns: containerColumns(!options['no-trunc']),
      shown: options.size ? [...SHOWN, 'Size'] : SHOWN,
      format: options.format,
      quiet: options.quiet ? 'ID' : undefined,
    })
  },
})

/** skiff network ls: the networks there are. */

import { filtersParameter } from '../../client/engine.ts'
import { command } from '../command.ts'
import { goTimestamp } from '../output/durations.ts'
import { type Columns, formatFlag, printListing } from '../output/format.ts'
import { pairs, shortId } from '../output/text.ts'
import { bool, filter } from '../parse/flag.ts'

interface Network {
  Id: string
  Name: string
  Driver: string
  Scope: string
  Created: string
  Internal: boolean
  EnableIPv4?: boolean
  EnableIPv6: boolean
  Labels: Record<string, string> | null
}

export const listNetworks = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    filter: filter('Show only networks with this property: driver=bridge', { short: 'f' }),
    format: formatFlag(),
    'no-trunc': bool('Do not shorten values'),
    quiet: bool('Show only IDs', { short: 'q' }),
  },
  async run({ session, engine, options }) {
    const networks = await engine.get<Network[]>('/networks', { filters: filtersParameter(options.filter) })
    await printListing(session, {
      rows: [...networks].sort((a, b) => a.Name.localeCompare(b.Name, 'en', { numeric: true })),
      columns: columns(!options['no-trunc']),
      shown: ['ID', 'Name', 'Driver', 'Scope'],
      format: options.format,
      quiet: options.quiet ? 'ID' : undefined,
    })
  },
})

const columns = (truncate: boolean): Columns<Network> => ({
  ID: { header: 'NETWORK ID', value: ({ Id }) => (truncate ? shortId(Id) : Id) },
  Name: { header: 'NAME', value: ({ Name }) => Name },
  Driver: { header: 'DRIVER', value: ({ Driver }) => Driver },
  Scope: { header: 'SCOPE', value: ({ Scope }) => Scope },
  IPv4: { header: 'IPV4', value: ({ EnableIPv4 }) => String(EnableIPv4 ?? false) },
  IPv6: { header: 'IPV6', value: ({ EnableIPv6 }) => String(EnableIPv6) },
  Internal: { header: 'INTERNAL', value: ({ Internal }) => String(Internal) },
  Labels: { header: 'LABELS', value: ({ Labels }) => pairs(Labels) },
  CreatedAt: { header: 'CREATED AT', value: ({ Created }) => goTimestamp(Created) },
})

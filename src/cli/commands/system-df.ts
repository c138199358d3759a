/** skiff system df: how much disk space images, containers and volumes take. */

import { write } from '../../client/write.ts'
import { type Context, command } from '../command.ts'
import type { Kind } from '../disk-usage/summary.ts'
import { type DiskUsage, summarise } from '../disk-usage/summary.ts'
import { verboseReport } from '../disk-usage/verbose.ts'
import { type Columns, formatFlag, printListing } from '../output/format.ts'
import { objectFormatter } from '../output/object.ts'
import { humanSize } from '../output/sizes.ts'
import { bool } from '../parse/flag.ts'

const FLAGS = { format: formatFlag(), verbose: bool('Show each image, container and volume', { short: 'v' }) }

const COLUMNS: Columns<Kind> = {
  Type: { header: 'TYPE', value: ({ type }) => type },
  TotalCount: { header: 'TOTAL', value: ({ total }) => String(total) },
  Active: { header: 'ACTIVE', value: ({ active }) => String(active) },
  Size: { header: 'SIZE', value: ({ size }) => humanSize(size) },
  Reclaimable: {
    header: 'RECLAIMABLE',
    value: ({ size, reclaimable, percentage }) =>
      humanSize(reclaimable) + (percentage && size > 0 ? ` (${Math.trunc((reclaimable / size) * 100)}%)` : ''),
  },
}

export const df = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: FLAGS,
  async run(context) {
    const { session, engine, options } = context
    const usage = await engine.get<DiskUsage>('/system/df')
    if (options.verbose) return await verbose(context, usage)
    await printListing(session, {
      rows: summarise(usage),
      columns: COLUMNS,
      shown: Object.keys(COLUMNS),
      format: options.format,
    })
  },
})

async function verbose({ session, options }: Context<typeof FLAGS>, usage: DiskUsage): Promise<void> {
  if (options.format === '' || options.format === 'table')
    return await write(session.stdout, await verboseReport(usage))
  const format = await objectFormatter(options.format)
  await write(session.stdout, `${format(usage)}\n`)
}

/** skiff history: the steps that made an image. */

import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { ago, rfc3339 } from '../output/durations.ts'
import { type Columns, formatFlag, printListing } from '../output/format.ts'
import { humanSize } from '../output/sizes.ts'
import { ellipsis, shortId } from '../output/text.ts'
import { bool, string } from '../parse/flag.ts'

interface Step {
  Id: string
  Created: number
  CreatedBy: string
  Size: number
  Comment: string
}

const COMMAND_LENGTH = 45
const SIZE_DIGITS = 3

export const history = command({
  usage: '[OPTIONS] IMAGE',
  arity: [1, 1],
  flags: {
    format: formatFlag(),
    human: bool('Sizes and dates for people', { short: 'H', initial: true }),
    'no-trunc': bool('Do not shorten values'),
    platform: string('Show this platform: os[/arch[/variant]]'),
    quiet: bool('Show only IDs', { short: 'q' }),
  },
  async run({ session, engine, options, args }) {
    const rows = await engine.get<Step[]>(`/images/${segment(args[0] ?? '')}/history`, {
      platform: options.platform || undefined,
    })
    await printListing(session, {
      rows,
      columns: columns(options.human, !options['no-trunc']),
      shown: ['ID', options.human ? 'CreatedSince' : 'CreatedAt', 'CreatedBy', 'Size', 'Comment'],
      format: options.format,
      quiet: options.quiet ? 'ID' : undefined,
    })
  },
})

const columns = (human: boolean, truncate: boolean): Columns<Step> => ({
  ID: { header: 'IMAGE', value: ({ Id }) => (truncate ? shortId(Id) : Id) },
  CreatedSince: {
    header: 'CREATED',
    value: ({ Created }) => (Created === 0 ? 'N/A' : human ? ago(Created) : date(Created)),
  },
  CreatedAt: { header: 'CREATED AT', value: ({ Created }) => date(Created) },
  CreatedBy: {
    header: 'CREATED BY',
    value: ({ CreatedBy }) => {
      const line = CreatedBy.replaceAll('\t', ' ')
      return truncate ? ellipsis(line, COMMAND_LENGTH) : line
    },
  },
  Size: { header: 'SIZE', value: ({ Size }) => (human ? humanSize(Size, SIZE_DIGITS) : String(Size)) },
  Comment: { header: 'COMMENT', value: ({ Comment }) => Comment },
})

const date = (created: number): string => rfc3339(new Date(created * 1000))

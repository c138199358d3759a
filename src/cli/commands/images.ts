/** skiff images: the images there are, a line for each name. */

import { filtersParameter } from '../../client/engine.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { type ImageRow, type ImageSummary, imageColumns, imageRows } from '../images/rows.ts'
import { drawForest, type ImageTree } from '../images/tree.ts'
import { formatFlag, printListing } from '../output/format.ts'
import { writeJsonLines } from '../output/json-lines.ts'
import { bool, filter } from '../parse/flag.ts'

const SHOWN = ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size']
const WITH_DIGESTS = ['Repository', 'Tag', 'Digest', 'ID', 'CreatedSince', 'Size']

export const images = command({
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  arity: [0, 1],
  flags: {
    all: bool('Show intermediate images too', { short: 'a' }),
    digests: bool('Show digests'),
    filter: filter('Show only images with this property: name=value', { short: 'f' }),
    format: formatFlag(),
    'no-trunc': bool('Do not shorten values'),
    quiet: bool('Show only IDs', { short: 'q' }),
    tree: bool('Show all images in one tree of the layers that they share'),
  },
  async run({ session, engine, options, args }) {
    if (options.tree && options.quiet) throw new CommandError('--quiet is not yet supported with --tree')
    // As image tree has it. Templates are for the rows of a table.
    if (options.tree && !['', 'json'].includes(options.format))
      throw new CommandError('--format is not yet supported with --tree, but for json')
    const [reference] = args
    const summaries = await engine.get<ImageSummary[]>('/images/json', {
      all: options.all,
      filters: filtersParameter({ ...options.filter, ...(reference && { reference: [reference] }) }),
    })
    if (options.tree) {
      const path = (id: string) => `/images/${segment(id)}/tree`
      const trees = await Promise.all(summaries.map(({ Id }) => engine.get<ImageTree>(path(Id), { files: '0' })))
      if (options.format) return await writeJsonLines(session, trees)
      return await write(session.stdout, drawForest(trees, !options['no-trunc']))
    }
    const digests = options.digests || /\.Digest\b/.test(options.format)
    await printListing<ImageRow>(session, {
      rows: summaries.flatMap(summary => imageRows(summary, digests)),
      columns: imageColumns(!options['no-trunc']),
      shown: options.digests ? WITH_DIGESTS : SHOWN,
      format: options.format,
      quiet: options.quiet ? 'ID' : undefined,
    })
  },
})

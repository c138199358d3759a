/** skiff search: images in the index of a registry. */

import { filtersParameter } from '../../client/engine.ts'
import { command } from '../command.ts'
import { fullName } from '../images/reference.ts'
import { type Columns, formatFlag, printListing } from '../output/format.ts'
import { ellipsis } from '../output/text.ts'
import { bool, filter, int } from '../parse/flag.ts'
import { authHeader } from '../registry/credentials.ts'

interface Found {
  name: string
  description: string
  star_count: number
  is_official: boolean
  is_automated: boolean
}

const DESCRIPTION_LENGTH = 45

export const search = command({
  usage: '[OPTIONS] TERM',
  arity: [1, 1],
  flags: {
    automated: bool('', { hidden: true }),
    filter: filter('Show only images with this property: stars=3, is-official=true', { short: 'f' }),
    format: formatFlag(),
    limit: int('Greatest number of results'),
    'no-trunc': bool('Do not shorten values'),
    stars: int('', { short: 's', hidden: true }),
  },
  async run({ session, engine, options, args, configFolder, given }) {
    const [term = ''] = args
    const filters = {
      ...options.filter,
      ...(options.automated && { 'is-automated': ['true'] }),
      ...(given.has('stars') && options.stars > 0 && { stars: [String(options.stars)] }),
    }
    const rows = await engine.call<Found[]>('GET', '/images/search', {
      query: { term, limit: options.limit > 0 ? options.limit : undefined, filters: filtersParameter(filters) },
      headers: await authHeader(configFolder, session.env, fullName(term)),
    })
    await printListing(session, {
      rows,
      columns: columns(!options['no-trunc'], options.format === 'json'),
      shown: SHOWN,
      format: options.format,
    })
  },
})

const SHOWN = ['Name', 'Description', 'StarCount', 'IsOfficial']

const columns = (truncate: boolean, isJson: boolean): Columns<Found> => ({
  Name: { header: 'NAME', value: ({ name }) => name },
  Description: {
    header: 'DESCRIPTION',
    value: ({ description }) => {
      const line = description.replaceAll(/[\n\r]/g, ' ')
      return truncate ? ellipsis(line, DESCRIPTION_LENGTH) : line
    },
  },
  StarCount: { header: 'STARS', value: ({ star_count }) => String(star_count) },
  ...(isJson
    ? { IsOfficial: { header: '', value: ({ is_official }) => String(is_official) } }
    : {
        IsOfficial: { header: 'OFFICIAL', value: ({ is_official }) => (is_official ? '[OK]' : '') },
        IsAutomated: { header: 'AUTOMATED', value: ({ is_automated }) => (is_automated ? '[OK]' : '') },
      }),
})

/** skiff compose images: what the containers were made of. */

import { isNotFound } from '../../../client/errors.ts'
import { CommandError } from '../../errors.ts'
import { humanSize } from '../../output/sizes.ts'
import { align } from '../../output/table.ts'
import { shortId } from '../../output/text.ts'
import { bool, string } from '../../parse/flag.ts'
import { findOwn } from '../containers.ts'
import { say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

interface Inspected {
  Id: string
  Size: number
  RepoTags: string[] | null
  Os: string
  Architecture: string
  Created: string
}

export const images = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: { format: string('table or json', { initial: 'table' }), quiet: bool('Show only IDs', { short: 'q' }) },
  async run(context) {
    const { engine, options } = context
    const { containers } = await findOwn(context)
    const rows = await Promise.all(
      containers.map(async ({ name, imageId, summary }) => {
        const image = await engine.get<Inspected>(`/images/${imageId}/json`).catch(error => {
          if (isNotFound(error)) return undefined
          throw error
        })
        const tagged =
          image?.RepoTags?.find(tag => tag === summary.Image || tag === `${summary.Image}:latest`) ??
          image?.RepoTags?.[0] ??
          '<none>:<none>'
        const colon = tagged.lastIndexOf(':')
        return {
          ContainerName: name,
          Repository: tagged.slice(0, colon),
          Tag: tagged.slice(colon + 1),
          Platform: image ? `${image.Os}/${image.Architecture}` : '',
          ID: imageId,
          Size: image?.Size ?? 0,
          Created: image?.Created ?? '',
        }
      }),
    )
    if (options.quiet)
      return await say(context, [...new Set(rows.map(({ ID }) => `${ID.replace('sha256:', '')}\n`))].join(''))
    if (options.format === 'json') return await say(context, `${JSON.stringify(rows)}\n`)
    if (options.format !== 'table')
      throw new CommandError(`format value ${JSON.stringify(options.format)} could not be parsed: parsing failed`)
    const cells = rows.map(row => [
      row.ContainerName,
      row.Repository,
      row.Tag,
      row.Platform,
      shortId(row.ID),
      humanSize(row.Size, 3),
    ])
    const lines = [['CONTAINER', 'REPOSITORY', 'TAG', 'PLATFORM', 'IMAGE ID', 'SIZE'], ...cells]
    await say(context, align(lines.map(line => `${line.join('\t')}\n`).join(''), { minWidth: 20 }))
  },
})

/** skiff tag: one more name for an image. */

import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { fullName, parseReference } from '../images/reference.ts'

export const tag = command({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  arity: [2, 2],
  flags: {},
  async run({ engine, args }) {
    const [source = '', target = ''] = args
    const { name, tag: given, digest } = parse(target)
    if (digest) throw new Error('refusing to create a tag with a digest reference')
    await engine.post(`/images/${segment(source)}/tag`, { repo: fullName(name), tag: given || 'latest' })
  },
})

function parse(target: string) {
  try {
    return parseReference(target)
  } catch (error) {
    throw new Error(
      `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${(error as Error).message}`,
    )
  }
}

/** skiff image tree: the layers of an image, what made each, and what is in them. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { drawTree, type ImageTree } from '../images/tree.ts'
import { indentJson } from '../output/json.ts'
import { bool, string } from '../parse/flag.ts'

export const imageTree = command({
  usage: '[OPTIONS] IMAGE',
  description: `Show the layers of an image from the bottom up: the instruction that made each, its size, the files
it adds, changes and deletes, how much of it layers above hide, and which images share it.`,
  arity: [1, 1],
  flags: {
    format: string("Format of the output: 'json'"),
    'no-trunc': bool('Do not shorten values'),
  },
  async run({ session, engine, options, args }) {
    if (!['', 'json'].includes(options.format))
      throw new CommandError(`invalid format ${JSON.stringify(options.format)}: only json is known`)
    const text = await engine.text('GET', `/images/${segment(args[0] ?? '')}/tree`)
    const shown =
      options.format === 'json'
        ? `${indentJson(text)}\n`
        : drawTree(JSON.parse(text) as ImageTree, !options['no-trunc'])
    await write(session.stdout, shown)
  },
})

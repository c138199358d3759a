/** skiff pull: an image from a registry. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { pull as pullImage } from '../images/pull.ts'
import { fullName, parseReference } from '../images/reference.ts'
import { bool, string } from '../parse/flag.ts'

export const pull = command({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  arity: [1, 1],
  flags: {
    'all-tags': bool('Download all tags of the repository', { short: 'a' }),
    'disable-content-trust': bool('Skip verification of signatures', { initial: true }),
    platform: string('Platform: os[/arch[/variant]]'),
    quiet: bool('Show only the name', { short: 'q' }),
  },
  async run({ session, engine, options, args, configFolder }) {
    const [reference = ''] = args
    const { quiet, platform } = options
    const allTags = options['all-tags']
    const { name, tag, digest } = parseReference(reference)
    if (allTags && (tag || digest)) throw new CommandError("tag can't be used with --all-tags/-a")
    if (!allTags && !tag && !digest && !quiet) await write(session.stdout, 'Using default tag: latest\n')
    await pullImage({ session, engine, configFolder, reference, platform, quiet, allTags, sink: session.stdout })
    const ending = digest ? `@${digest}` : allTags ? '' : `:${tag || 'latest'}`
    await write(session.stdout, `${fullName(name)}${ending}\n`)
  },
})

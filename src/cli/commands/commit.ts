/** skiff commit: an image of what a container has changed. */

import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { fullName, parseReference } from '../images/reference.ts'
import { bool, list, string } from '../parse/flag.ts'

export const commit = command({
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  arity: [1, 2],
  flags: {
    author: string('Author: "John Hannibal Smith <hannibal@a-team.com>"', { short: 'a' }),
    change: list('Apply a Dockerfile instruction to the image', { short: 'c' }),
    message: string('Comment on the image', { short: 'm' }),
    pause: bool('Pause the container meanwhile', { short: 'p', initial: true }),
  },
  async run({ session, engine, options, args }) {
    const [container = '', reference = ''] = args
    const { name, tag } = reference ? parseReference(reference) : { name: '', tag: '' }
    const query = {
      container,
      repo: name ? fullName(name) : undefined,
      tag: name ? tag || 'latest' : undefined,
      author: options.author || undefined,
      comment: options.message || undefined,
      changes: options.change,
      pause: options.pause ? undefined : '0',
    }
    const { Id } = await engine.post<{ Id: string }>('/commit', query)
    await write(session.stdout, `${Id}\n`)
  },
})

/** skiff export: the root file system of a container as a tar archive. */

import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { saveStream } from '../output/file.ts'
import { string } from '../parse/flag.ts'

export const exportContainer = command({
  usage: '[OPTIONS] CONTAINER',
  arity: [1, 1],
  flags: { output: string('Write to this file instead of stdout', { short: 'o' }) },
  run: ({ session, engine, options, args }) =>
    saveStream(session, options.output, () => engine.request('GET', `/containers/${segment(args[0] ?? '')}/export`)),
})

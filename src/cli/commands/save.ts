/** skiff save: images with their history and names as a tar archive. */

import { ANY, command } from '../command.ts'
import { saveStream } from '../output/file.ts'
import { string } from '../parse/flag.ts'

export const save = command({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  arity: [1, ANY],
  flags: {
    output: string('Write to this file instead of stdout', { short: 'o' }),
    platform: string('Save only this platform: os[/arch[/variant]]'),
  },
  run: ({ session, engine, options, args }) =>
    saveStream(session, options.output, () =>
      engine.request('GET', '/images/get', { query: { names: args, platform: options.platform || undefined } }),
    ),
})

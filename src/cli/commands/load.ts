/** skiff load: images from an archive that `save` wrote. */

import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { showProgress } from '../images/progress.ts'
import { bool, string } from '../parse/flag.ts'
import { openFile } from './import.ts'

export const load = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    input: string('Read from this file instead of stdin', { short: 'i' }),
    platform: string('Load only this platform: os[/arch[/variant]]'),
    quiet: bool('Do not show the progress', { short: 'q' }),
  },
  async run({ session, engine, options }) {
    if (!options.input && session.isTerminal.stdin)
      throw new CommandError('requested load from stdin, but stdin is empty')
    const columns = session.isTerminal.stdout ? session.windowSize()?.columns : undefined
    const response = await engine.request('POST', '/images/load', {
      query: { quiet: options.quiet || columns === undefined, platform: options.platform || undefined },
      body: options.input ? await openFile(session, options.input) : session.stdin,
      headers: { 'Content-Type': 'application/x-tar' },
    })
    await showProgress(response, { sink: session.stdout, columns })
  },
})

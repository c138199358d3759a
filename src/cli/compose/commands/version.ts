/** skiff compose version */

import { clientVersion } from '../../client-version.ts'
import { bool, string } from '../../parse/flag.ts'
import { say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const version = subcommand({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: { format: string('pretty or json', { short: 'f', initial: 'pretty' }), short: bool('Show the number alone') },
  async run(context) {
    const { version: number } = await clientVersion()
    const { short, format } = context.options
    await say(
      context,
      short
        ? `${number}\n`
        : format === 'json'
          ? `${JSON.stringify({ version: number })}\n`
          : `skiff compose version ${number}\n`,
    )
  },
})

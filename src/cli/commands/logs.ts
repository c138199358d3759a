/** skiff logs: what a container has written. */

import { copy, demultiplex } from '../../client/demultiplex.ts'
import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { apiTimestamp } from '../output/moments.ts'
import { bool, string } from '../parse/flag.ts'

export const logs = command({
  usage: '[OPTIONS] CONTAINER',
  arity: [1, 1],
  flags: {
    details: bool('Show the labels and environment that the log driver was told to keep'),
    follow: bool('Go on with what is written from now on', { short: 'f' }),
    since: string('Only from this time on (2013-01-02T13:23:37Z), or for so long (42m)'),
    tail: string('Number of lines from the end', { short: 'n', initial: 'all' }),
    timestamps: bool('Show when each line was written', { short: 't' }),
    until: string('Only before this time (2013-01-02T13:23:37Z), or so long ago (42m)'),
  },
  async run({ session, engine, options, args }) {
    const { Id, Config } = await engine.get<{ Id: string; Config: { Tty: boolean } }>(
      `/containers/${segment(args[0] ?? '')}/json`,
    )
    const { details, follow, since, tail, timestamps, until } = options
    const stream = await engine.request('GET', `/containers/${Id}/logs`, {
      query: {
        stdout: true,
        stderr: true,
        details,
        follow,
        since: moment('since', since),
        tail,
        timestamps,
        until: moment('until', until),
      },
    })
    if (Config.Tty) await copy(stream, session.stdout)
    else await demultiplex(stream, session.stdout, session.stderr)
  },
})

function moment(flag: string, text: string): string | undefined {
  try {
    return apiTimestamp(text) || undefined
  } catch (error) {
    throw new Error(`invalid value for "${flag}": ${(error as Error).message}`)
  }
}

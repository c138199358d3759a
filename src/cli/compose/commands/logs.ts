/** skiff compose logs */

import { findContainers } from '../../../compose/engine/observe.ts'
import { wantsColour } from '../../output/colour.ts'
import { apiTimestamp } from '../../output/moments.ts'
import { bool, int, string } from '../../parse/flag.ts'
import { shortName, showLogs } from '../follow.ts'
import { Prefixes } from '../prefix.ts'
import { checkServices, openNamed } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const logs = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    follow: bool('Go on with what is written from now on', { short: 'f' }),
    index: int("The number of one of a service's containers"),
    'no-color': bool('No colours'),
    'no-log-prefix': bool('No names before the lines'),
    since: string('Only from this time on (2013-01-02T13:23:37Z), or for so long (42m)'),
    tail: string('Number of lines from the end of each', { short: 'n', initial: 'all' }),
    timestamps: bool('Show when each line was written', { short: 't' }),
    until: string('Only before this time, or so long ago'),
  },
  async run(context) {
    const { engine, session, options, args, globals } = context
    const { name, project } = await openNamed(context, args)
    checkServices(project, args)
    const found = (await findContainers(engine, name)).filter(
      ({ service, oneoff, number }) =>
        !oneoff && (args.length === 0 || args.includes(service)) && (options.index === 0 || number === options.index),
    )
    const coloured = !options['no-color'] && wantsColour(session, globals.ansi)
    const prefixes = new Prefixes(coloured, options['no-log-prefix'])
    for (const container of found) prefixes.expect(shortName(name, container.name))
    const { follow, timestamps, tail } = options
    const moment = (text: string) => (text ? apiTimestamp(text) : undefined)
    const query = { follow, timestamps, tail, since: moment(options.since), until: moment(options.until) }
    const show = found.map(container => () => showLogs(context, container, prefixes, query))
    if (follow) await Promise.all(show.map(act => act()))
    else for (const act of show) await act()
  },
})

/** skiff compose ps: the containers of a project. */

import { type Container, findContainers } from '../../../compose/engine/observe.ts'
import { showPorts } from '../../containers/ports.ts'
import { CommandError } from '../../errors.ts'
import { ago, goTime } from '../../output/durations.ts'
import { type Columns, formatFlag, printListing } from '../../output/format.ts'
import { ellipsis, pairs, shortId } from '../../output/text.ts'
import { bool, filter, list } from '../../parse/flag.ts'
import { checkServices, openNamed, say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

const STATES = ['paused', 'restarting', 'removing', 'running', 'dead', 'created', 'exited']
const COMMAND_LENGTH = 20

const columns = (truncate: boolean): Columns<Container> => ({
  ID: { header: 'CONTAINER ID', value: ({ id }) => (truncate ? shortId(id) : id) },
  Name: { header: 'NAME', value: ({ name }) => name },
  Names: { header: 'NAMES', value: ({ name }) => name },
  Image: { header: 'IMAGE', value: ({ summary }) => summary.Image },
  Command: {
    header: 'COMMAND',
    value: ({ summary }) => JSON.stringify(truncate ? ellipsis(summary.Command, COMMAND_LENGTH) : summary.Command),
  },
  Project: { header: 'PROJECT', value: ({ project }) => project },
  Service: { header: 'SERVICE', value: ({ service }) => service },
  CreatedAt: { header: 'CREATED AT', value: ({ summary }) => goTime(summary.Created) },
  RunningFor: { header: 'CREATED', value: ({ summary }) => ago(summary.Created) },
  State: { header: 'STATE', value: ({ state }) => state },
  Status: { header: 'STATUS', value: ({ summary }) => summary.Status },
  Health: {
    header: 'HEALTH',
    value: ({ summary }) => /\((?:health: )?(healthy|unhealthy|starting)\)/.exec(summary.Status)?.[1] ?? '',
  },
  ExitCode: {
    header: 'EXIT CODE',
    value: ({ summary }) => Number(/^Exited \((-?\d+)\)/.exec(summary.Status)?.[1] ?? 0),
  },
  Ports: { header: 'PORTS', value: ({ summary }) => showPorts([...(summary.Ports ?? [])]) },
  Publishers: {
    header: 'PUBLISHERS',
    value: ({ summary }) =>
      (summary.Ports ?? []).map(({ IP = '', PrivatePort, PublicPort = 0, Type }) => ({
        URL: IP,
        TargetPort: PrivatePort,
        PublishedPort: PublicPort,
        Protocol: Type,
      })),
  },
  Labels: { header: 'LABELS', value: ({ labels }) => pairs(labels) },
  Networks: { header: 'NETWORKS', value: ({ networks }) => networks.join(',') },
})

export const ps = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    all: bool('Show stopped containers too, and those that run made', { short: 'a' }),
    filter: filter('Show only services with this property: status=running'),
    format: formatFlag(),
    'no-trunc': bool('Do not shorten values'),
    orphans: bool('Include containers of services that the files do not have', { initial: true }),
    quiet: bool('Show only IDs', { short: 'q' }),
    services: bool('Show the names of the services'),
    status: list('Show only containers in this state', { type: 'stringArray' }),
  },
  async run(context) {
    const { engine, options, args, session } = context
    const { name, project } = await openNamed(context)
    checkServices(project, args)
    const wanted = [...options.status, ...(options.filter.status ?? [])]
    for (const key of Object.keys(options.filter)) if (key !== 'status') throw new CommandError(`unknown filter ${key}`)
    const wrong = wanted.find(state => !STATES.includes(state))
    if (wrong !== undefined)
      throw new CommandError(`invalid status ${JSON.stringify(wrong)}: must be one of ${STATES.join(', ')}`)
    const found = await findContainers(engine, name)
    const rows = found.filter(
      ({ service, oneoff, state, running }) =>
        (args.length === 0 || args.includes(service)) &&
        (options.orphans || !project || project.services[service] !== undefined) &&
        (wanted.length > 0 ? wanted.includes(state) : options.all || running) &&
        (options.all || !oneoff),
    )
    if (options.services)
      return await say(
        context,
        [...new Set(rows.map(({ service }) => service))].map(service => `${service}\n`).join(''),
      )
    await printListing(session, {
      rows,
      columns: columns(!options['no-trunc']),
      shown: ['Name', 'Image', 'Command', 'Service', 'RunningFor', 'Status', 'Ports'],
      format: options.format,
      quiet: options.quiet ? 'ID' : undefined,
    })
  },
})

/** skiff compose port: where a port of a service is published. */

import { joinHostPort } from '../../containers/ports.ts'
import { CommandError } from '../../errors.ts'
import { int, string } from '../../parse/flag.ts'
import { findOne } from '../containers.ts'
import { say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const port = subcommand({
  usage: '[OPTIONS] SERVICE PRIVATE_PORT',
  arity: [2, 2],
  flags: {
    index: int("The number of one of the service's containers"),
    protocol: string('tcp or udp', { initial: 'tcp' }),
  },
  async run(context) {
    const { options, args } = context
    const [service = '', wanted = ''] = args
    if (!/^\d+$/.test(wanted)) throw new CommandError(`invalid port ${JSON.stringify(wanted)}`)
    const { summary } = await findOne(context, service, options.index)
    const found = (summary.Ports ?? []).find(
      ({ PrivatePort, PublicPort, Type }) => PrivatePort === Number(wanted) && PublicPort && Type === options.protocol,
    )
    if (!found)
      throw new CommandError(
        `no port ${wanted}/${options.protocol} for container ${summary.Names?.[0]?.slice(1) ?? service}`,
      )
    await say(context, `${joinHostPort(found.IP ?? '', String(found.PublicPort))}\n`)
  },
})

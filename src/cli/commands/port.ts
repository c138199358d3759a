/** skiff port: where the ports of a container are published. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { joinHostPort } from '../containers/ports.ts'
import { CommandError } from '../errors.ts'
import { jsonFlag, wantsJson, writeJsonLines } from '../output/json-lines.ts'

interface Inspected {
  NetworkSettings: { Ports: Record<string, { HostIp: string; HostPort: string }[] | null> | null }
}

export const port = command({
  usage: '[OPTIONS] CONTAINER [PRIVATE_PORT[/PROTO]]',
  arity: [1, 2],
  flags: { format: jsonFlag() },
  async run({ session, engine, options, args }) {
    const [name = '', wanted] = args
    const json = wantsJson(options.format)
    const { NetworkSettings } = await engine.get<Inspected>(`/containers/${segment(name)}/json`)
    const published = Object.entries(NetworkSettings.Ports ?? {}).map(([key, bindings]) => ({
      key,
      addresses: (bindings ?? []).map(({ HostIp, HostPort }) => joinHostPort(HostIp, HostPort)),
    }))
    if (wanted === undefined) {
      if (json) return await writeJsonLines(session, rowsOf(published))
      const lines = published.flatMap(({ key, addresses }) => addresses.map(address => `${key} -> ${address}`))
      await write(
        session.stdout,
        lines
          .sort(byPort)
          .map(line => `${line}\n`)
          .join(''),
      )
      return
    }
    const [number = '', protocol = 'tcp'] = wanted.split('/')
    if (!/^\d+$/.test(number) || Number(number) > 65535)
      throw new CommandError(`Error: invalid port (${number}): value must be an integer in the range 0-65535`)
    const found = published.find(({ key }) => key === `${number}/${protocol.toLowerCase()}`)
    if (!found || found.addresses.length === 0)
      throw new CommandError(`Error: No public port '${wanted}' published for ${name}`)
    if (json) return await writeJsonLines(session, rowsOf([found]))
    await write(session.stdout, found.addresses.map(address => `${address}\n`).join(''))
  },
})

interface Published {
  readonly key: string
  readonly addresses: readonly string[]
}

const rowsOf = (published: readonly Published[]): object[] =>
  published.flatMap(({ key, addresses }) => addresses.map(Address => ({ Port: key, Address })))

const byPort = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10)

/**
 * The variables by which a container finds those it is linked to. Docker's documentation, "Legacy container links": for alias db and
 * port 6379, DB_PORT, DB_PORT_6379_TCP, …_ADDR, …_PORT, …_PROTO, DB_NAME, and DB_ENV_* for the target's own variables.
 */

import type { Context } from '../context.ts'
import type { ConfigRecord } from '../store/record.ts'
import { type LinkTarget, linksOnBridge } from './links.ts'

/** As they are at this moment: a target that has moved since is found by its name, in /etc/hosts. */
export const linkEnvironment = (context: Context, config: ConfigRecord): string[] =>
  linksOnBridge(context, config)
    // One that has ended since has no address to tell.
    .filter(({ target }) => target.process !== null)
    .flatMap(link => variablesOf(link, config.name))

/** Docker leaves these out: they mean nothing in another container. */
const OWN = ['HOME', 'PATH']

interface Port {
  number: number
  protocol: string
  url: string
}

function variablesOf({ target, alias }: LinkTarget, parent: string): string[] {
  const { config } = target.config
  const address = target.state.network.endpoints.bridge?.ipAddress ?? ''
  const prefix = alias.toUpperCase().replaceAll('-', '_')
  const ports = config.exposedPorts.map(port => parsePort(port, address)).sort(byNumber)
  const own = config.env.filter(entry => entry.includes('=') && !OWN.includes(entry.slice(0, entry.indexOf('='))))
  return [
    ...(ports[0] ? [`${prefix}_PORT=${ports[0].url}`] : []),
    ...rangesOf(ports).flatMap(range => rangeVariables(prefix, range, address)),
    ...ports.flatMap(port => portVariables(prefix, port, address)),
    `${prefix}_NAME=/${parent}/${alias}`,
    ...own.map(entry => `${prefix}_ENV_${entry}`),
  ]
}

function parsePort(text: string, address: string): Port {
  const [number = '', protocol = 'tcp'] = text.split('/')
  return { number: Number(number), protocol, url: `${protocol}://${address}:${number}` }
}

const byNumber = (a: Port, b: Port): number =>
  a.number - b.number || Number(b.protocol === 'tcp') - Number(a.protocol === 'tcp')

const nameOf = (prefix: string, { number, protocol }: Port): string =>
  `${prefix}_PORT_${number}_${protocol.toUpperCase()}`

function portVariables(prefix: string, port: Port, address: string): string[] {
  const name = nameOf(prefix, port)
  return [
    `${name}=${port.url}`,
    `${name}_ADDR=${address}`,
    `${name}_PORT=${port.number}`,
    `${name}_PROTO=${port.protocol}`,
  ]
}

/** Ports that follow each other are told as a range, too: its first and its last. */
function rangeVariables(prefix: string, range: Port[], address: string): string[] {
  const [first, last] = [range[0] as Port, range.at(-1) as Port]
  const name = nameOf(prefix, first)
  return [
    `${name}_START=${first.url}`,
    `${name}_ADDR=${address}`,
    `${name}_PROTO=${first.protocol}`,
    `${name}_PORT_START=${first.number}`,
    `${name}_END=${last.url}`,
    `${name}_PORT_END=${last.number}`,
  ]
}

/** Runs of three or more: Docker passes over pairs. */
function rangesOf(ports: readonly Port[]): Port[][] {
  const runs: Port[][] = []
  for (const port of ports) {
    const last = runs.at(-1)?.at(-1)
    if (last && port.number === last.number + 1 && port.protocol === last.protocol) runs.at(-1)?.push(port)
    else runs.push([port])
  }
  return runs.filter(run => run.length > 2)
}

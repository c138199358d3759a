/** The address of a syslog server, tried once: who connects gets an answer now, and not by the absence of his logs. */

import { lookup } from 'node:dns/promises'
import { connect, isIPv6 } from 'node:net'
import { Unavailable } from '../../kernel/errors.ts'
import { connectUnix, internetAddress, unixAddress } from '../../kernel/sockets.ts'
import type { ForwardOptions } from '../../runtime/shim/types.ts'
import { syslogAddress } from './syslog-options.ts'

type Server = Pick<ForwardOptions, 'socketType' | 'address'>

const LOCAL_PATHS = ['/dev/log', '/var/run/syslog', '/var/run/log']
const CONNECT_TIMEOUT_MS = 10_000

/** @throws Unavailable in the words of Docker's `dial` */
export async function findSyslog(config: Record<string, string>): Promise<Server> {
  const address = syslogAddress(config)
  switch (address.kind) {
    case 'local':
      return localSyslog()
    case 'unix':
      return unixServer(address.path, 'stream')
    case 'unixgram':
      return unixServer(address.path, 'datagram')
    case 'tcp':
      return tcpServer(address.host, address.port)
    case 'udp':
      return { socketType: 'datagram', address: internetAddress(await resolve(address.host), address.port) }
  }
}

function localSyslog(): Server {
  for (const socketType of ['datagram', 'stream'] as const) {
    for (const path of LOCAL_PATHS) {
      if (connectUnix(path, socketType) === null) return { socketType, address: unixAddress(path) }
    }
  }
  throw new Unavailable('Unix syslog delivery error')
}

function unixServer(path: string, socketType: Server['socketType']): Server {
  const code = connectUnix(path, socketType)
  const kind = socketType === 'stream' ? 'unix' : 'unixgram'
  if (code !== null) throw new Unavailable(`dial ${kind} ${path}: connect: ${reason(code)}`)
  return { socketType, address: unixAddress(path) }
}

async function resolve(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (error) {
    throw new Unavailable(`lookup ${host}: no such host`, { cause: error })
  }
}

async function tcpServer(host: string, port: number): Promise<Server> {
  const address = await resolve(host)
  const shown = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
  await new Promise<void>((done, fail) => {
    const socket = connect({ host: address, port })
    const failed = (why: string, cause?: unknown): void => {
      socket.destroy()
      fail(new Unavailable(`dial tcp ${shown}: ${why}`, { cause }))
    }
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => failed('i/o timeout'))
    socket.once('error', error => failed(`connect: ${reason(codeOf(error))}`, error))
    socket.once('connect', () => {
      socket.destroy()
      done()
    })
  })
  return { socketType: 'stream', address: internetAddress(address, port) }
}

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : error.message)

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPROTOTYPE: 'protocol wrong type for socket',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
}

const reason = (code: string): string => REASONS[code] ?? code

/** `-H`: where the API is served. unix:///path, tcp://address:port, fd:// for sockets of a service manager (sd_listen_fds(3)). */

import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ListenAddress } from '../api/server.ts'
import { hasCode, InvalidParameter } from '../kernel/errors.ts'
import { passedSockets } from './service-manager.ts'

const DEFAULT_TCP_PORT = 2375
const SOCKET_MODE = 0o660

/** @throws InvalidParameter */
export async function listenAddresses(hosts: readonly string[], group: string): Promise<ListenAddress[]> {
  const gid = await groupId(group)
  const addresses = hosts.map(host => parseHost(host, gid))
  for (const address of addresses.flat()) {
    if (address.kind === 'unix') await mkdir(dirname(address.path), { recursive: true, mode: 0o755 })
  }
  return addresses.flat()
}

function parseHost(host: string, gid: number): ListenAddress[] {
  const [, scheme = 'tcp', rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(host) ?? []
  switch (scheme) {
    case 'unix':
      return [{ kind: 'unix', path: rest || '/run/skiff/skiff.sock', mode: SOCKET_MODE, gid }]
    case 'tcp':
      return [tcp(rest, host)]
    case 'fd':
      return activated()
    default:
      throw new InvalidParameter(`invalid bind address: ${host}: it must begin with unix://, tcp:// or fd://`)
  }
}

function tcp(rest: string, host: string): ListenAddress {
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(rest) ?? []
  const number = port === undefined ? DEFAULT_TCP_PORT : Number(port)
  if (number > 65_535 || (name === '' && rest !== '' && port === undefined)) {
    throw new InvalidParameter(`invalid bind address: ${host}`)
  }
  return { kind: 'tcp', host: name.replace(/^\[(.*)\]$/, '$1') || '127.0.0.1', port: number }
}

function activated(): ListenAddress[] {
  const passed = passedSockets()
  if (passed.length === 0)
    throw new InvalidParameter('no sockets found via socket activation: make sure the service manager passes them')
  return passed.map(fd => ({ kind: 'fd', fd }))
}

/** 0 if there is no such group: then only root gets in. A number is a gid. */
async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group)
  try {
    const lines = (await readFile('/etc/group', 'utf8')).split('\n')
    const line = lines.find(entry => entry.startsWith(`${group}:`))
    return Number(line?.split(':')[2] ?? 0)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0
    throw error
  }
}

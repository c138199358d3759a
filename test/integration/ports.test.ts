/** Published ports, in every form and from everywhere: the machine itself, another host, a neighbour, the container itself. */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { beforeAll, describe, expect, test } from 'vitest'
import { cli } from '../support/cli.ts'
import type { ApiError, Json } from '../support/client.ts'
import { create, exec, inspect, remove, start } from '../support/containers.ts'
import { importDebian } from '../support/images.ts'
import {
  eventually,
  type NetworkedDaemon,
  type OtherHost,
  otherHost,
  startNetworkedDaemon,
  talk,
} from '../support/network.ts'
import { tcpClient, tcpServer, udpClient, udpServer } from '../support/servers.ts'

const BASE = { Image: 'debian:bookworm', StopSignal: 'SIGKILL' }

let skiff: NetworkedDaemon
let neighbour: OtherHost
beforeAll(async () => {
  skiff = await startNetworkedDaemon()
  await importDebian(skiff)
  neighbour = await otherHost(skiff.addresses.free)
})

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it was not refused',
    (error: ApiError) => `${error.status} ${error.message}`,
  )
type Bindings = Record<string, { HostIp?: string; HostPort?: string }[]>
const serving = (PortBindings: Bindings, more: object = {}) => ({
  ...BASE,
  Cmd: tcpServer(80),
  HostConfig: { PortBindings, ...more },
})
const portsOf = async (id: string): Promise<Json> => (await inspect(skiff, id)).NetworkSettings.Ports
const firstPort = async (id: string, port = '80/tcp'): Promise<number> => Number((await portsOf(id))[port][0].HostPort)
/** The first line: who the server says has connected. */
const seenAs = (host: string, port: number): Promise<string> =>
  eventually(
    () => talk(host, port),
    // [::1] is served by a process of its own, which closes the connection while the container does not listen yet.
    line => line !== '',
  )
const gateway = (): string => skiff.addresses.bip.split('/')[0] as string
/** An address of the machine that the world knows. */
const machineAddress = (): string =>
  Object.values(networkInterfaces())
    .flat()
    .find(one => one && !one.internal && one.family === 'IPv4' && !one.address.startsWith('10.'))?.address ??
  neighbour.machine
const anyPort = async (): Promise<number> => {
  const server = await listen(0, '127.0.0.1')
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}
const listen = (port: number, host: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject).listen(port, host, () => resolve(server))
  })

describe('a published port', () => {
  test('is reached from everywhere, and the source address is kept', async () => {
    const id = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }), 'server')
    const port = await firstPort(id)
    const own = (await inspect(skiff, id)).NetworkSettings.IPAddress
    expect(await portsOf(id)).toEqual({
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: String(port) },
        { HostIp: '::', HostPort: String(port) },
      ],
    })
    // From the machine by its loopback, by IPv6's, by an address of its own and by the bridge's.
    expect(await seenAs('127.0.0.1', port)).toBe(`${gateway()}\n`)
    expect(await seenAs('::1', port)).toBe(`${gateway()}\n`)
    expect(await seenAs(machineAddress(), port)).toMatch(/^\d+\.\d+\.\d+\.\d+\n$/)
    expect(await seenAs(gateway(), port)).toBe(`${gateway()}\n`)
    // From another host: the server sees that host.
    expect(await neighbour.run(tcpClient(neighbour.machine, port))).toBe(`${neighbour.address}\n`)
    // From a neighbour on the bridge and from the container itself, by the machine's address.
    const peer = await start(skiff, { ...BASE, Cmd: ['sleep', '100000'] })
    const ask = async (from: string) => (await exec(skiff, from, tcpClient(neighbour.machine, port))).stdout
    expect(await ask(peer)).toMatch(/^[\d.]+\n$/)
    expect(await ask(id)).toMatch(/^[\d.]+\n$/)
    expect(await talk(own, 80)).toBe(`${gateway()}\n`)
    await Promise.all([id, peer].map(one => remove(skiff, one)))
    await expect(talk('127.0.0.1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('is reached from another network of skiff by the machine’s address alone', async () => {
    await skiff.api.post('/networks/create', { Name: 'elsewhere' })
    const id = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }))
    const stranger = await start(skiff, { ...BASE, Cmd: ['sleep', '100000'], HostConfig: { NetworkMode: 'elsewhere' } })
    const port = await firstPort(id)
    const { IPAddress } = (await inspect(skiff, id)).NetworkSettings
    await eventually(() => talk('127.0.0.1', port))
    const ask = (host: string, at: number) => exec(skiff, stranger, tcpClient(host, at))
    expect((await ask(neighbour.machine, port)).stdout).toMatch(/^[\d.]+\n$/)
    expect((await ask(IPAddress, 80)).exitCode).not.toBe(0)
    await Promise.all([id, stranger].map(one => remove(skiff, one)))
    await skiff.api.delete('/networks/elsewhere')
  })

  test('that is not published is closed to other hosts, whatever route they take', async () => {
    const id = await start(skiff, { ...BASE, Cmd: tcpServer(80), ExposedPorts: { '80/tcp': {} } })
    const { IPAddress } = (await inspect(skiff, id)).NetworkSettings
    await eventually(() => talk(IPAddress, 80))
    await expect(neighbour.run(tcpClient(IPAddress, 80))).rejects.toThrow()
    expect(await portsOf(id)).toEqual({ '80/tcp': null })
    await remove(skiff, id)
  })

  test('may be on one address only', async () => {
    const id = await start(skiff, serving({ '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] }))
    const port = await firstPort(id)
    expect(await portsOf(id)).toEqual({ '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] })
    await seenAs('127.0.0.1', port)
    await expect(talk('::1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(neighbour.run(tcpClient(neighbour.machine, port))).rejects.toThrow()
    // CVE-2020-8558: a neighbour that sends packets for our loopback.
    await neighbour.run(['ip', 'route', 'add', '127.0.0.1/32', 'via', neighbour.machine]).catch(() => '')
    const peer = await start(skiff, { ...BASE, Cmd: ['sleep', '100000'], HostConfig: { CapAdd: ['NET_ADMIN'] } })
    const prepared = await exec(skiff, peer, [
      'perl',
      '-e',
      'open F, ">/proc/sys/net/ipv4/conf/eth0/route_localnet" or exit 3',
    ])
    expect([0, 3]).toContain(prepared.exitCode)
    expect((await exec(skiff, peer, tcpClient(gateway(), port))).exitCode).not.toBe(0)
    await Promise.all([id, peer].map(one => remove(skiff, one)))
  })

  test('is on the network’s own address where the binding names none', async () => {
    const option = 'com.docker.network.bridge.host_binding_ipv4'
    const make = (address: string) =>
      skiff.api.post('/networks/create', { Name: 'near', Options: { [option]: address } })
    expect(await refusal(make('here'))).toMatch(/^400 .*host_binding_ipv4/)
    await make('127.0.0.1')
    const id = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }, { NetworkMode: 'near' }))
    const port = await firstPort(id)
    expect(await portsOf(id)).toEqual({ '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] })
    await seenAs('127.0.0.1', port)
    await expect(talk('::1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(neighbour.run(tcpClient(neighbour.machine, port))).rejects.toThrow()
    await remove(skiff, id)
    await skiff.api.delete('/networks/near')
  })

  test('may have several numbers, several addresses, and both protocols', async () => {
    const [a, b] = [await anyPort(), await anyPort()]
    const bindings = {
      '80/tcp': [{ HostPort: String(a) }, { HostIp: neighbour.machine, HostPort: String(b) }],
      '53/udp': [{ HostPort: String(a) }],
    }
    const id = await start(skiff, serving(bindings))
    await seenAs('127.0.0.1', a)
    await seenAs(neighbour.machine, b)
    await expect(talk('127.0.0.1', b)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const text = (await cli(skiff, ['port', id])).stdout.trim().split('\n').sort()
    expect(text).toEqual(
      [
        `53/udp -> 0.0.0.0:${a}`,
        `53/udp -> [::]:${a}`,
        `80/tcp -> 0.0.0.0:${a}`,
        `80/tcp -> [::]:${a}`,
        `80/tcp -> ${neighbour.machine}:${b}`,
      ].sort(),
    )
    await remove(skiff, id)
  })

  test('may be one of a range', async () => {
    const first = await anyPort()
    const range = `${first}-${first + 2}`
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push(await start(skiff, serving({ '80/tcp': [{ HostPort: range }] })))
    const ports = await Promise.all(ids.map(id => firstPort(id)))
    expect(ports).toEqual([first, first + 1, first + 2])
    expect(await refusal(start(skiff, serving({ '80/tcp': [{ HostPort: range }] })))).toMatch(
      /^409 driver failed programming external connectivity on endpoint .*: all ports are allocated$/,
    )
    await Promise.all(
      (await skiff.api.get('/containers/json', { all: true })).map(({ Id }: { Id: string }) => remove(skiff, Id)),
    )
  })

  test('comes from the image’s EXPOSE with -P', async () => {
    const ExposedPorts = { '80/tcp': {}, '81/udp': {} }
    const id = await start(skiff, { ...serving({}, { PublishAllPorts: true }), ExposedPorts })
    const ports = await portsOf(id)
    expect(Object.keys(ports).sort()).toEqual(['80/tcp', '81/udp'])
    await seenAs('127.0.0.1', Number(ports['80/tcp'][0].HostPort))
    // The kernel's range for such ports.
    expect(Number(ports['81/udp'][0].HostPort)).toBeGreaterThanOrEqual(1024)
    await remove(skiff, id)
  })

  test('of an IPv6 network leads there by IPv6', async () => {
    await skiff.api.post('/networks/create', {
      Name: 'six',
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: 'fd5c:2f::/64' }] },
    })
    const id = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }, { NetworkMode: 'six' }))
    const port = await firstPort(id)
    expect(await seenAs('::1', port)).toBe('fd5c:2f::1\n')
    expect(await seenAs('fd5c:2f::1', port)).toBe('fd5c:2f::1\n')
    // By the machine's address from a neighbour, and from itself.
    const peer = await start(skiff, { ...BASE, Cmd: ['sleep', '100000'], HostConfig: { NetworkMode: 'six' } })
    for (const from of [peer, id])
      expect((await exec(skiff, from, tcpClient('fd5c:2f::1', port))).stdout).toMatch(/^fd5c:2f::\d\n$/)
    await remove(skiff, peer)
    await remove(skiff, id)
    await skiff.api.delete('/networks/six')
  })
})

describe('UDP', () => {
  const server = (HostPort = '') => ({
    ...BASE,
    Cmd: udpServer(53),
    HostConfig: { PortBindings: { '53/udp': [{ HostPort }] } },
  })

  test('is forwarded like TCP', async () => {
    const id = await start(skiff, server())
    const port = await firstPort(id, '53/udp')
    expect(await neighbour.run(udpClient(neighbour.machine, port, 'hi'))).toBe(`${neighbour.address} hi`)
    const peer = await start(skiff, { ...BASE, Cmd: ['sleep', '100000'] })
    expect((await exec(skiff, peer, udpClient(neighbour.machine, port, 'hi'))).stdout).toMatch(/^[\d.]+ hi$/)
    await Promise.all([id, peer].map(one => remove(skiff, one)))
  })

  test('a client that goes on sending finds the container that has come back elsewhere', async () => {
    const port = await anyPort()
    const id = await start(skiff, server(String(port)), 'answering')
    const { IPAddress } = (await inspect(skiff, id)).NetworkSettings
    // One socket, one source port: for the kernel it is one and the same flow.
    const client = neighbour.run([
      'perl',
      '-MIO::Socket::INET',
      '-e',
      `$s = IO::Socket::INET->new(Proto => "udp", PeerHost => $ARGV[0], PeerPort => $ARGV[1]) or die;
       $SIG{ALRM} = sub { die "nobody answers any more\\n" }; $| = 1; $old = "";
       alarm 40; $n = 0;
       while (1) { $s->send(++$n); $r = ""; vec($r, fileno($s), 1) = 1; next unless select($r, undef, undef, 0.05);
         next unless defined $s->recv($d, 99) && length $d;
         if (-e $ARGV[2]) { print "back\\n"; exit 0 } }`,
      neighbour.machine,
      String(port),
      `${skiff.folder}/came-back`,
    ])
    await skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 })
    const thief = await start(skiff, { ...BASE, Cmd: ['sleep', '100000'] })
    expect((await inspect(skiff, thief)).NetworkSettings.IPAddress).toBe(IPAddress)
    await skiff.api.post(`/containers/${id}/start`)
    expect((await inspect(skiff, id)).NetworkSettings.IPAddress).not.toBe(IPAddress)
    await writeFile(`${skiff.folder}/came-back`, '')
    expect(await client).toBe('back\n')
    await rm(`${skiff.folder}/came-back`)
    await Promise.all([id, thief].map(one => remove(skiff, one)))
  })
})

describe('a port that cannot be had', () => {
  test('because another container has it, is refused before anything is made', async () => {
    const port = String(await anyPort())
    const holder = await start(skiff, serving({ '80/tcp': [{ HostPort: port }] }))
    const second = await create(skiff, serving({ '80/tcp': [{ HostPort: port }] }), 'latecomer')
    const words = new RegExp(
      `^409 driver failed programming external connectivity on endpoint latecomer \\([0-9a-f]{64}\\): Bind for 0\\.0\\.0\\.0:${port} failed: port is already allocated$`,
    )
    expect(await refusal(skiff.api.post(`/containers/${second}/start`))).toMatch(words)
    const { State, NetworkSettings } = await inspect(skiff, second)
    expect([State.Status, NetworkSettings.IPAddress]).toEqual(['created', ''])
    expect(Object.keys((await skiff.api.get('/networks/bridge')).Containers)).toEqual([holder])
    // One address of it is taken with the whole; another one's TCP is not another one's UDP.
    expect(await refusal(start(skiff, serving({ '80/tcp': [{ HostIp: '127.0.0.1', HostPort: port }] })))).toMatch(
      /port is already allocated$/,
    )
    await skiff.api.post(`/containers/${holder}/stop`, undefined, { t: 0 })
    await skiff.api.post(`/containers/${second}/start`)
    await seenAs('127.0.0.1', Number(port))
    for (const { Id } of await skiff.api.get('/containers/json', { all: true })) await remove(skiff, Id)
  })

  test('because a process of the machine has it', async () => {
    const stranger = await listen(0, '0.0.0.0')
    const { port } = stranger.address() as { port: number }
    const id = await create(skiff, serving({ '80/tcp': [{ HostPort: String(port) }] }))
    expect(await refusal(skiff.api.post(`/containers/${id}/start`))).toMatch(
      new RegExp(`failed to bind host port: listen tcp4 0\\.0\\.0\\.0:${port}: bind: address already in use$`),
    )
    stranger.close()
    await skiff.api.post(`/containers/${id}/start`)
    // And the other way round: it is kept from strangers while the container runs.
    await expect(listen(port, '0.0.0.0')).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await remove(skiff, id)
  })

  test('a stopped container’s, chosen by the kernel, may go to somebody else: it starts with another', async () => {
    const id = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }))
    const port = await firstPort(id)
    await skiff.api.post(`/containers/${id}/stop`, undefined, { t: 0 })
    // It fails only if there is another stranger, who will do as well.
    const stranger = await listen(port, '0.0.0.0').catch(() => null)
    await skiff.api.post(`/containers/${id}/start`)
    expect(await firstPort(id)).not.toBe(port)
    await seenAs('127.0.0.1', await firstPort(id))
    stranger?.close()
    await remove(skiff, id)
  })

  test('because nobody could understand it', async () => {
    const refused = (ports: Bindings) => refusal(create(skiff, serving(ports)))
    expect(await refused({ '80/tcp': [{ HostPort: '99999' }] })).toMatch(/^400 invalid port specification: "99999"/)
    expect(await refused({ '80/tcp': [{ HostPort: '90-80' }] })).toMatch(/^400 /)
    expect(await refused({ 'http/tcp': [{ HostPort: '80' }] })).toMatch(/^400 invalid port specification/)
    expect(await refused({ '80/icmp': [{ HostPort: '80' }] })).toMatch(/^400 Invalid proto: icmp$/)
    expect(await refused({ '80/tcp': [{ HostIp: 'here', HostPort: '80' }] })).toBe('400 invalid IP address: here')
    expect(await refused({ '80/sctp': [{ HostPort: '80' }] })).toBe(
      '501 cannot publish 80/sctp: skiff forwards tcp and udp, not sctp',
    )
    expect(await refusal(start(skiff, serving({ '80/tcp': [{ HostIp: '192.0.2.9', HostPort: '' }] })))).toMatch(
      /listen tcp4 192\.0\.2\.9:0: bind: cannot assign requested address$/,
    )
    for (const { Id } of await skiff.api.get('/containers/json', { all: true })) await remove(skiff, Id)
  })
})

test('ports follow a container that changes its networks', async () => {
  for (const Name of ['before', 'after']) await skiff.api.post('/networks/create', { Name })
  const id = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }, { NetworkMode: 'before' }), 'mover')
  const port = await firstPort(id)
  await seenAs('127.0.0.1', port)
  await skiff.api.post('/networks/after/connect', { Container: id })
  await skiff.api.post('/networks/before/disconnect', { Container: id })
  expect(await firstPort(id)).toBe(port)
  expect(await seenAs('127.0.0.1', port)).toMatch(/^[\d.]+\n$/)
  expect(await seenAs('::1', port)).toMatch(/^[\d.]+\n$/)
  await skiff.api.post('/networks/after/disconnect', { Container: id })
  await expect(talk('127.0.0.1', port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await remove(skiff, id)
  for (const name of ['before', 'after']) await skiff.api.delete(`/networks/${name}`)
})

test('rules of others stay as they are, and a table that somebody deletes comes back', async () => {
  const nft = (words: string) => execFileSync('nft', words.split(' '), { encoding: 'utf8' })
  const foreign = `${skiff.bridge}-foreign`
  nft(`add table inet ${foreign}`)
  try {
    nft(`add chain inet ${foreign} forward { type filter hook forward priority 10 ; policy accept ; }`)
    const before = nft(`list table inet ${foreign}`)
    const own = `skiff-${createHash('sha256').update(skiff.dataRoot).digest('hex').slice(0, 8)}`
    const first = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }))
    expect(nft(`list table inet ${own}`)).toContain(`${await firstPort(first)}`)
    nft(`delete table inet ${own}`)
    const second = await start(skiff, serving({ '80/tcp': [{ HostPort: '' }] }))
    for (const id of [first, second])
      expect(await neighbour.run(tcpClient(neighbour.machine, await firstPort(id)))).toBe(`${neighbour.address}\n`)
    nft(`delete table inet ${own}`)
    await Promise.all([first, second].map(id => remove(skiff, id)))
    expect(nft(`list table inet ${foreign}`)).toBe(before)
  } finally {
    nft(`delete table inet ${foreign}`)
  }
})

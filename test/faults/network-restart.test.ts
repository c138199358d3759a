/** The daemon goes, in order or killed, with networks, ports, names and connections in use; and comes back. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { importDebian } from '../support/images.ts'
import { lookAtMachine } from '../support/machine.ts'
import {
  eventually,
  type NetworkedDaemon,
  type OtherHost,
  otherHost,
  startNetworkedDaemon,
  talk,
} from '../support/network.ts'
import { dnsQuery, tcpClient, tcpServer, udpClient, udpServer } from '../support/servers.ts'

const command = promisify(execFile)
const BASE = { Image: 'debian:bookworm', StopSignal: 'SIGKILL' }

let skiff: NetworkedDaemon
let neighbour: OtherHost
beforeAll(async () => {
  skiff = await startNetworkedDaemon()
  await importDebian(skiff)
  neighbour = await otherHost(skiff.addresses.free)
})

const tableName = (): string => `skiff-${createHash('sha256').update(skiff.dataRoot).digest('hex').slice(0, 8)}`
const firewall = async (): Promise<string> => {
  const { stdout } = await command('nft', ['-n', 'list', 'table', 'inet', tableName()])
  // In which order a set's elements are shown is not promised.
  return stdout
    .split('\n')
    .map(line => line.trim().split(/, /).sort().join(', '))
    .join('\n')
}
const ports = async (id: string) => (await inspect(skiff, id)).NetworkSettings.Ports

/** A connection that is kept, to a server that repeats lines. */
async function converse(host: string, port: number): Promise<{ say(line: string): Promise<string>; socket: Socket }> {
  const socket = connect(port, host).setEncoding('utf8')
  let [heard, wake] = ['', () => {}]
  socket.on('data', text => {
    heard += text
    wake()
  })
  const until = async (text: string): Promise<string> => {
    while (!heard.includes(text)) {
      if (socket.destroyed) throw new Error('the connection is gone')
      await new Promise<void>(resolve => {
        wake = resolve
        socket.once('close', resolve)
      })
    }
    return heard
  }
  await until('\n')
  const say = (line: string) => {
    socket.write(`${line}\n`)
    return until(line)
  }
  return { say, socket }
}

describe.each([
  ['in good order', () => skiff.terminate()],
  ['killed', () => skiff.kill9()],
])('the daemon goes %s', (_, go) => {
  test('and everything goes on without it, and with its successor', async () => {
    await skiff.api.post('/networks/create', { Name: 'backend' })
    const serving = (Cmd: string[], PortBindings: object, Name: string) => ({
      ...BASE,
      Cmd,
      HostConfig: { PortBindings, NetworkMode: 'backend' },
      NetworkingConfig: { EndpointsConfig: { backend: { Aliases: [`${Name}-alias`] } } },
    })
    const web = await start(skiff, serving(tcpServer(80), { '80/tcp': [{ HostPort: '' }] }, 'web'), 'web')
    const dns = await start(skiff, serving(udpServer(53), { '53/udp': [{ HostPort: '' }] }, 'dns'), 'dns')
    const plain = await start(skiff, {
      ...BASE,
      Cmd: tcpServer(80),
      HostConfig: { PublishAllPorts: true },
      ExposedPorts: { '80/tcp': {} },
    })
    const tcp = Number((await ports(web))['80/tcp'][0].HostPort)
    const udp = Number((await ports(dns))['53/udp'][0].HostPort)
    await eventually(() => talk('127.0.0.1', tcp))
    const before = {
      rules: await firewall(),
      shown: await Promise.all([web, dns, plain].map(async id => (await inspect(skiff, id)).NetworkSettings)),
      network: await skiff.api.get('/networks/backend'),
    }
    const conversation = await converse('127.0.0.1', tcp)
    expect(await conversation.say('one')).toContain('one')

    await go()
    // Nobody is there, and nobody notices.
    expect(await conversation.say('two')).toContain('two')
    expect(await neighbour.run(tcpClient(neighbour.machine, tcp))).toBe(`${neighbour.address}\n`)
    expect(await neighbour.run(udpClient(neighbour.machine, udp, 'hi'))).toBe(`${neighbour.address} hi`)

    await skiff.restart()
    expect(await conversation.say('three')).toContain('three')
    conversation.socket.destroy()
    const after = {
      rules: await firewall(),
      shown: await Promise.all([web, dns, plain].map(async id => (await inspect(skiff, id)).NetworkSettings)),
      network: await skiff.api.get('/networks/backend'),
    }
    expect(after).toEqual(before)
    // Names again, at once, for containers that have been running all the time.
    const { IPAddress } = after.shown[0].Networks.backend
    for (const name of ['web', 'web-alias', web.slice(0, 12)])
      expect((await exec(skiff, dns, dnsQuery(name))).stdout).toBe(`rcode 0\n${IPAddress}\n`)
    expect(await talk('::1', tcp)).not.toBe('')
    // Addresses and ports in use are known to be.
    const third = await start(skiff, serving(['sleep', '1000'], {}, 'third'))
    const addresses = Object.values((await skiff.api.get('/networks/backend')).Containers).map(
      one => (one as { IPv4Address: string }).IPv4Address,
    )
    expect(new Set(addresses).size).toBe(3)
    await expect(start(skiff, serving(['true'], { '80/tcp': [{ HostPort: String(tcp) }] }, 'x'))).rejects.toThrow(
      /port is already allocated$/,
    )
    // And a change of networks of one that an earlier daemon started.
    await skiff.api.post('/networks/create', { Name: 'other' })
    await skiff.api.post('/networks/other/connect', { Container: web })
    await skiff.api.post('/networks/backend/disconnect', { Container: web })
    expect(await neighbour.run(tcpClient(neighbour.machine, tcp))).toBe(`${neighbour.address}\n`)
    for (const { Id } of await skiff.api.get('/containers/json', { all: true })) await remove(skiff, Id)
    await expect(talk('127.0.0.1', tcp)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(third).not.toBe('')
    for (const name of ['backend', 'other']) await skiff.api.delete(`/networks/${name}`)
  })

  test('and what ended meanwhile has left its addresses, ports and rules', async () => {
    await skiff.api.post('/networks/create', { Name: 'shortlived' })
    const HostConfig = { NetworkMode: 'shortlived', PortBindings: { '80/tcp': [{ HostPort: '' }] } }
    const id = await start(skiff, { ...BASE, Cmd: tcpServer(80), HostConfig })
    const port = Number((await ports(id))['80/tcp'][0].HostPort)
    const { State, NetworkSettings } = await inspect(skiff, id)
    const address = NetworkSettings.Networks.shortlived.IPAddress
    await go()
    process.kill(State.Pid, 'SIGKILL')
    await skiff.restart()
    expect((await inspect(skiff, id)).State.Running).toBe(false)
    expect(await firewall()).not.toContain(` ${port} `)
    const again = await start(skiff, {
      ...BASE,
      Cmd: ['sleep', '1000'],
      HostConfig: { NetworkMode: 'shortlived', PortBindings: { '80/tcp': [{ HostPort: String(port) }] } },
    })
    expect((await inspect(skiff, again)).NetworkSettings.Networks.shortlived.IPAddress).toBe(address)
    await Promise.all([id, again].map(one => remove(skiff, one)))
    await skiff.api.delete('/networks/shortlived')
  })
})

test('a daemon that goes with no container running takes its bridges and rules along; the next one has them again', async () => {
  const { Id } = await skiff.api.post('/networks/create', { Name: 'kept' })
  const bridge = `link br-${Id.slice(0, 12)}`
  const ours = async () => {
    const { links, nftTables } = await lookAtMachine()
    return [
      ...links.filter(link => link === bridge || link === `link ${skiff.bridge}`),
      ...nftTables.filter(table => table.includes(tableName())),
    ].sort()
  }
  expect((await ours()).length).toBe(3)
  await skiff.terminate()
  expect(await ours()).toEqual([])
  await skiff.restart()
  expect((await ours()).length).toBe(3)
  // Somebody removes a bridge while nobody looks.
  await skiff.kill9()
  await command('ip', ['link', 'delete', bridge.slice(5)])
  await skiff.restart()
  const id = await start(skiff, { ...BASE, Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'kept' } })
  const gateway = (await inspect(skiff, id)).NetworkSettings.Networks.kept.Gateway
  expect((await exec(skiff, id, ['perl', '-e', 'exit !-e "/sys/class/net/eth0"'])).exitCode).toBe(0)
  expect(gateway).not.toBe('')
  await remove(skiff, id)
  await skiff.api.delete('/networks/kept')
})

test('a bridge that an administrator has made stays his', async () => {
  const name = `${skiff.bridge}a`
  await command('ip', ['link', 'add', name, 'type', 'bridge'])
  try {
    await skiff.api.post('/networks/create', { Name: 'theirs', Options: { 'com.docker.network.bridge.name': name } })
    const id = await start(skiff, { ...BASE, Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'theirs' } })
    await remove(skiff, id)
    await skiff.api.delete('/networks/theirs')
    expect((await lookAtMachine()).links).toContain(`link ${name}`)
  } finally {
    await command('ip', ['link', 'delete', name])
  }
})

/** Names: of containers on networks of users, of the outside world, and in the files that programs read. */

import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { importDebian } from '../support/images.ts'
import { type NetworkedDaemon, type OtherHost, otherHost, startNetworkedDaemon } from '../support/network.ts'
import { dnsQuery, tcpClient } from '../support/servers.ts'

const DNS_SERVER = fileURLToPath(new URL('../support/dns-server.mjs', import.meta.url))
const BASE = { Image: 'debian:bookworm', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL' }

let skiff: NetworkedDaemon
let outside: OtherHost
beforeAll(async () => {
  skiff = await startNetworkedDaemon()
  await importDebian(skiff)
  outside = await otherHost(skiff.addresses.free)
  await outside.serve([process.execPath, DNS_SERVER, outside.address])
  for (const Name of ['names', 'others']) await skiff.api.post('/networks/create', { Name })
})

const on = (NetworkMode: string, more: object = {}, endpoint: object = {}) => ({
  ...BASE,
  HostConfig: { NetworkMode, ...more },
  NetworkingConfig: { EndpointsConfig: { [NetworkMode]: endpoint } },
})
/** What the name server answers: the response code, then the addresses. */
const ask = async (id: string, ...query: Parameters<typeof dnsQuery>): Promise<string[]> => {
  const { stdout, stderr } = await exec(skiff, id, dnsQuery(...query))
  return (stdout + stderr).trim().split('\n')
}
const addressOf = async (id: string, network = 'names'): Promise<string> =>
  (await inspect(skiff, id)).NetworkSettings.Networks[network].IPAddress
const file = async (id: string, path: string): Promise<string> => (await exec(skiff, id, ['cat', path])).stdout
const removeAll = (...ids: string[]) => Promise.all(ids.map(id => remove(skiff, id)))

describe('a container on a user’s network', () => {
  test('is found by its name, aliases, short id, host name, and by the network’s name behind them', async () => {
    const named = {
      ...on('names', {}, { Aliases: ['Store', 'service-1'] }),
      Hostname: 'dbhost',
      Domainname: 'corp.example',
    }
    const db = await start(skiff, named, 'db')
    const web = await start(skiff, on('names'), 'web')
    const address = await addressOf(db)
    for (const name of ['db', 'DB', 'store', 'service-1', db.slice(0, 12), 'dbhost', 'db.names', 'store.names'])
      expect([name, await ask(web, name)]).toEqual([name, ['rcode 0', address]])
    expect(await ask(web, 'db', { protocol: 'tcp' })).toEqual(['rcode 0', address])
    expect((await exec(skiff, web, ['getent', 'hosts', 'db'])).stdout).toMatch(new RegExp(`^${address} +db\\n$`))
    // It has no IPv6 address: that is an answer, so that nobody asks the outside world.
    expect(await ask(web, 'db', { type: 'AAAA' })).toEqual(['rcode 0'])
    const reversed = `${address.split('.').reverse().join('.')}.in-addr.arpa`
    expect(await ask(web, reversed, { type: 'PTR' })).toEqual(['rcode 0', 'db.names'])
    await removeAll(db, web)
  })

  test('is not found from other networks, nor after it has stopped; a new name is known at once', async () => {
    const [a, b, far] = [
      await start(skiff, on('names', { Dns: [outside.address] }), 'asking'),
      await start(skiff, on('names'), 'asked'),
      await start(skiff, on('others', { Dns: [outside.address] }), 'far'),
    ]
    const address = await addressOf(b)
    expect(await ask(far, 'asked')).toEqual(['rcode 3'])
    await skiff.api.post('/containers/asked/rename', undefined, { name: 'renamed' })
    expect(await ask(a, 'asked')).toEqual(['rcode 3'])
    expect(await ask(a, 'renamed')).toEqual(['rcode 0', address])
    expect((await inspect(skiff, b)).NetworkSettings.Networks.names.DNSNames).toContain('renamed')
    await skiff.api.post(`/containers/${b}/stop`, undefined, { t: 0 })
    expect(await ask(a, 'renamed')).toEqual(['rcode 3'])
    await skiff.api.post(`/containers/${b}/start`)
    expect(await ask(a, 'renamed')).toEqual(['rcode 0', await addressOf(b)])
    await removeAll(a, b, far)
  })

  test('shares an alias: each answer begins with another of them', async () => {
    const ids: string[] = []
    for (let i = 0; i < 3; i++) ids.push(await start(skiff, on('names', {}, { Aliases: ['pool'] })))
    const client = await start(skiff, on('names'))
    const addresses = await Promise.all(ids.map(id => addressOf(id)))
    const answers = [await ask(client, 'pool'), await ask(client, 'pool'), await ask(client, 'pool')]
    for (const [rcode, ...found] of answers) {
      expect(rcode).toBe('rcode 0')
      expect(found.toSorted()).toEqual(addresses.toSorted())
    }
    expect(new Set(answers.map(([, first]) => first)).size).toBe(3)
    await removeAll(...ids, client)
  })

  test('has names of its own for others, by --link', async () => {
    const db = await start(skiff, on('names'), 'target')
    const linked = await start(skiff, on('names', {}, { Links: ['target:store', 'target'] }), 'linked')
    const stranger = await start(skiff, on('names', { Dns: [outside.address] }))
    expect(await ask(linked, 'store')).toEqual(['rcode 0', await addressOf(db)])
    expect(await ask(stranger, 'store')).toEqual(['rcode 3'])
    await removeAll(db, linked, stranger)
  })

  test('asks no server of others: its own is for itself alone', async () => {
    const [a, b] = [await start(skiff, on('names')), await start(skiff, on('names'))]
    const address = await addressOf(b)
    expect(await ask(a, 'x', { server: address, protocol: 'tcp' })).toEqual(['no server'])
    await removeAll(a, b)
  })
})

describe('the outside world', () => {
  test('is asked by way of the servers given, whatever the protocol', async () => {
    const id = await start(skiff, on('names', { Dns: [outside.address] }))
    expect(await ask(id, 'outside.example')).toEqual(['rcode 0', '192.0.2.7'])
    expect(await ask(id, 'outside.example', { protocol: 'tcp' })).toEqual(['rcode 0', '192.0.2.7'])
    expect(await ask(id, 'big.example', { type: 'TXT', protocol: 'tcp' })).toEqual(['rcode 0', '4020 bytes'])
    expect(await ask(id, 'nothing.example')).toEqual(['rcode 3'])
    expect((await exec(skiff, id, ['getent', 'ahostsv4', 'outside.example'])).stdout).toContain('192.0.2.7')
    await removeAll(id)
  })

  test('is asked by way of the next server when one is silent; nobody there is SERVFAIL', async () => {
    const silent = `${skiff.addresses.free}99`
    const id = await start(skiff, on('names', { Dns: [silent, outside.address] }))
    expect(await ask(id, 'outside.example')).toEqual(['rcode 0', '192.0.2.7'])
    const alone = await start(skiff, on('names', { Dns: [silent] }))
    expect(await ask(alone, 'outside.example')).toEqual(['rcode 2'])
    await removeAll(id, alone)
  })

  // CVE-2024-29018: names are a way out, too.
  test('is not asked from an internal network', async () => {
    await skiff.api.post('/networks/create', { Name: 'closed', Internal: true })
    const [id, peer] = [
      await start(skiff, on('closed', { Dns: [outside.address] })),
      await start(skiff, on('closed'), 'peer'),
    ]
    expect(await ask(id, 'outside.example')).toEqual(['rcode 2'])
    expect(await ask(id, 'peer')).toEqual(['rcode 0', await addressOf(peer, 'closed')])
    await removeAll(id, peer)
    await skiff.api.delete('/networks/closed')
  })
})

describe('resolv.conf', () => {
  const options = { Dns: ['192.0.2.1', '192.0.2.2'], DnsSearch: ['a.example', 'b.example'], DnsOptions: ['timeout:3'] }
  test('names the servers given on the default bridge, and skiff’s own elsewhere', async () => {
    const [plain, user] = [await start(skiff, on('bridge', options)), await start(skiff, on('names', options))]
    expect(await file(plain, '/etc/resolv.conf')).toBe(
      'nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.example b.example\noptions timeout:3\n',
    )
    expect(await file(user, '/etc/resolv.conf')).toBe(
      'nameserver 127.0.0.11\nsearch a.example b.example\noptions timeout:3 ndots:0\n',
    )
    await removeAll(plain, user)
  })

  test('keeps a server of the container’s own loopback that it was given', async () => {
    const id = await start(skiff, on('bridge', { Dns: ['127.0.0.1'] }))
    expect(await file(id, '/etc/resolv.conf')).toMatch(/^nameserver 127\.0\.0\.1\n/)
    await removeAll(id)
  })

  test('has the host’s search domains unless told to have none', async () => {
    const id = await start(skiff, on('bridge', { ...options, DnsSearch: ['.'], DnsOptions: [] }))
    expect(await file(id, '/etc/resolv.conf')).not.toContain('search')
    await removeAll(id)
  })
})

describe('the hosts file', () => {
  test('has the container itself, its domain, and what was added', async () => {
    const id = await start(skiff, {
      ...on('names', { ExtraHosts: ['far:192.0.2.9', 'six:fd00::9', 'six2:[fd00::a]'] }),
      Hostname: 'me',
      Domainname: 'corp.example',
    })
    const lines = (await file(id, '/etc/hosts')).trim().split('\n')
    expect(lines).toEqual(
      expect.arrayContaining(['127.0.0.1\tlocalhost', '192.0.2.9\tfar', 'fd00::9\tsix', 'fd00::a\tsix2']),
    )
    expect(lines.at(-1)).toBe(`${await addressOf(id)}\tme.corp.example me`)
    expect((await exec(skiff, id, ['hostname', '-f'])).stdout).toBe('me.corp.example\n')
    await removeAll(id)
  })

  test('leads host-gateway to the machine itself', async () => {
    const server = createServer(socket => socket.end('the machine\n'))
    await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve))
    const { port } = server.address() as { port: number }
    await skiff.api.post('/networks/create', { Name: 'walled', Internal: true })
    for (const network of ['bridge', 'names', 'walled']) {
      const id = await start(skiff, on(network, { ExtraHosts: ['machine:host-gateway'] }))
      expect(await file(id, '/etc/hosts')).toMatch(/^10\.[\d.]+\tmachine$/m)
      if (network !== 'walled') expect((await exec(skiff, id, tcpClient('machine', port))).stdout).toBe('the machine\n')
      await removeAll(id)
    }
    await skiff.api.delete('/networks/walled')
    server.close()
  })
})

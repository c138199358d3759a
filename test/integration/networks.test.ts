/** Networks by their life: made, shown, joined, left, removed; what containers on them reach and what not. */

import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ApiError, Json } from '../support/client.ts'
import { create, exec, inspect, remove, start } from '../support/containers.ts'
import { lookAtMachine } from '../support/machine.ts'
import { type NetworkedDaemon, startNetworkedDaemon } from '../support/network.ts'

const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL' }
/** SKIFF_TEST_CYCLES=1000 for the full number: some minutes on a busy machine. */
const CYCLES = Number(process.env.SKIFF_TEST_CYCLES ?? 60)
const CYCLE_GUARD_MS = 60_000 + CYCLES * 1000

let skiff: NetworkedDaemon
beforeAll(async () => {
  skiff = await startNetworkedDaemon()
})

/** The host's ends of the containers in these networks: other daemons on the machine have bridges of their own. */
async function portsOf(...names: string[]): Promise<string[]> {
  const found: string[] = []
  for (const name of names) {
    const { Id, Options } = await skiff.api.get(`/networks/${name}`)
    const bridge = Options['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`
    found.push(...(await readdir(`/sys/class/net/${bridge}/brif`)))
  }
  return found.sort()
}

const rules = async (): Promise<string> => {
  const table = `skiff-${createHash('sha256').update(skiff.dataRoot).digest('hex').slice(0, 8)}`
  return execFileSync('nft', ['-n', 'list', 'table', 'inet', table], { encoding: 'utf8' })
}

const network = async (name: string, body: object = {}): Promise<string> =>
  (await skiff.api.post('/networks/create', { Name: name, ...body })).Id
const show = (name: string): Promise<Json> => skiff.api.get(`/networks/${name}`)
const connect = (name: string, Container: string, EndpointConfig: object = {}) =>
  skiff.api.post(`/networks/${name}/connect`, { Container, EndpointConfig })
const disconnect = (name: string, Container: string, Force = false) =>
  skiff.api.post(`/networks/${name}/disconnect`, { Container, Force })
const removeNetworks = async (...names: string[]) => {
  for (const name of names) await skiff.api.delete(`/networks/${name}`)
}
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it was not refused',
    (error: ApiError) => `${error.status} ${error.message}`,
  )
const on = (NetworkMode: string, more: object = {}) => ({ ...SLEEP, HostConfig: { NetworkMode, ...more } })
const settings = async (id: string): Promise<Json> => (await inspect(skiff, id)).NetworkSettings
const addressOf = async (id: string, name: string): Promise<string> => (await settings(id)).Networks[name].IPAddress
const reaches = async (id: string, target: string): Promise<boolean> =>
  (await exec(skiff, id, ['ping', '-c1', '-W1', target])).exitCode === 0

describe('the default bridge', () => {
  test('gives a container an address, a route and an interface, and shows them', async () => {
    const id = await start(skiff, on('default'), 'plain')
    const { Networks, IPAddress, Gateway, MacAddress } = await settings(id)
    const gateway = skiff.addresses.bip.split('/')[0] as string
    expect(Gateway).toBe(gateway)
    expect(Networks.bridge).toMatchObject({ IPAddress, Gateway: gateway, IPPrefixLen: 24, MacAddress })
    const seen = (
      await exec(skiff, id, ['sh', '-c', 'ip -o addr show eth0; ip route; cat /sys/class/net/eth0/address'])
    ).stdout
    expect(seen).toContain(`inet ${IPAddress}/24`)
    expect(seen).toContain(`default via ${gateway} dev eth0`)
    expect(seen).toContain(MacAddress)
    expect(await reaches(id, gateway)).toBe(true)
    const { Containers } = await show('bridge')
    expect(Containers[id]).toMatchObject({ Name: 'plain', IPv4Address: `${IPAddress}/24`, MacAddress })
    await remove(skiff, id)
    expect((await show('bridge')).Containers).toEqual({})
  })

  test('serves no names, and takes no address or alias that somebody asks for', async () => {
    const [a, b] = [await start(skiff, on('bridge'), 'first'), await start(skiff, on('bridge'), 'second')]
    expect(await reaches(a, await addressOf(b, 'bridge'))).toBe(true)
    expect(await reaches(a, 'second')).toBe(false)
    for (const [config, words] of [
      [
        { IPAMConfig: { IPv4Address: '10.9.9.9' } },
        'user specified IP address is supported on user defined networks only',
      ],
      [{ Aliases: ['x'] }, 'network-scoped alias is supported only for containers in user defined networks'],
    ] as const) {
      const EndpointsConfig = { bridge: config }
      expect(await refusal(create(skiff, { ...on('bridge'), NetworkingConfig: { EndpointsConfig } }))).toBe(
        `400 ${words}`,
      )
    }
    await Promise.all([a, b].map(id => remove(skiff, id)))
  })
})

describe('a network of a user', () => {
  test('is created as asked, listed, filtered, inspected and removed', async () => {
    const subnet = `${skiff.addresses.free}0/24`
    const bridge = `sk-n${randomBytes(4).toString('hex')}`
    const Id = await network('front', {
      Labels: { tier: 'web' },
      Options: { 'com.docker.network.bridge.name': bridge, 'com.docker.network.driver.mtu': '1400' },
      IPAM: {
        Config: [
          {
            Subnet: subnet,
            Gateway: `${skiff.addresses.free}9`,
            IPRange: `${skiff.addresses.free}128/25`,
            AuxiliaryAddresses: { router: `${skiff.addresses.free}128` },
          },
        ],
      },
    })
    expect(await show('front')).toMatchObject({
      Id,
      Name: 'front',
      Driver: 'bridge',
      Scope: 'local',
      Labels: { tier: 'web' },
      Internal: false,
      Containers: {},
    })
    const names = async (filters: object) =>
      (await skiff.api.get('/networks', { filters })).map(({ Name }: { Name: string }) => Name)
    expect(await names({ label: ['tier=web'] })).toEqual(['front'])
    expect(await names({ type: ['custom'], driver: ['bridge'] })).toEqual(['front'])
    expect((await names({ type: ['builtin'] })).sort()).toEqual(['bridge', 'host', 'none'])
    expect(await names({ name: ['fro'], label: ['tier=db'] })).toEqual([])
    const id = await start(skiff, on('front'))
    // The auxiliary address and the gateway belong to others; the range begins behind them.
    expect(await addressOf(id, 'front')).toBe(`${skiff.addresses.free}129`)
    expect((await exec(skiff, id, ['cat', '/sys/class/net/eth0/mtu'])).stdout).toBe('1400\n')
    expect((await exec(skiff, id, ['ip', 'route'])).stdout).toContain(`default via ${skiff.addresses.free}9`)
    expect(await refusal(skiff.api.delete('/networks/front'))).toBe(
      `403 error while removing network: network front id ${Id} has active endpoints`,
    )
    await remove(skiff, id)
    await removeNetworks(Id.slice(0, 12))
    expect((await lookAtMachine()).links).not.toContain(`link ${bridge}`)
    expect(await refusal(show('front'))).toBe('404 network front not found')
  })

  test('is refused in Docker’s words', async () => {
    const pool = (Subnet: string, more: object = {}) => ({ IPAM: { Config: [{ Subnet, ...more }] } })
    const subnet = `${skiff.addresses.free}0/24`
    await network('taken', pool(subnet))
    const refused = async (name: string, body: object = {}) => refusal(network(name, body))
    expect(await refused('taken')).toBe('409 network with name taken already exists')
    expect(await refused('other', pool(`${skiff.addresses.free}128/25`))).toBe(
      '403 invalid pool request: Pool overlaps with other one on this address space',
    )
    expect(await refused('other', pool('nonsense'))).toBe(
      '400 invalid network config:\ninvalid subnet nonsense: invalid CIDR block notation',
    )
    expect(await refused('other', { Driver: 'weave' })).toBe(
      '404 could not find plugin weave in v1 plugin registry: plugin not found',
    )
    expect(await refused('bridge')).toBe('403 operation is not permitted on predefined bridge network')
    expect(await refused('')).toMatch(/^400 invalid network name/)
    expect(await refused('host2', { Driver: 'host' })).toBe('403 only one instance of "host" network is allowed')
    for (const name of ['bridge', 'host', 'none'])
      expect(await refusal(skiff.api.delete(`/networks/${name}`))).toBe(
        `403 ${name} is a pre-defined network and cannot be removed`,
      )
    // It may come until the start, which is what fails.
    const { Id } = await skiff.api.post('/containers/create', on('nowhere'))
    expect(await refusal(skiff.api.post(`/containers/${Id}/start`))).toBe('404 network nowhere not found')
    await skiff.api.post('/networks/create', { Name: 'nowhere' })
    await skiff.api.post(`/containers/${Id}/start`)
    await skiff.api.delete(`/containers/${Id}`, { force: true })
    await removeNetworks('nowhere')
    await removeNetworks('taken')
    expect((await skiff.api.get('/networks')).length).toBe(3)
  })

  test('gives the address and MAC that a container asks for, once', async () => {
    await network('static', { IPAM: { Config: [{ Subnet: `${skiff.addresses.free}0/24` }] } })
    await network('chosen')
    const wish = (IPv4Address: string, name = 'static') => ({
      ...on(name),
      NetworkingConfig: {
        EndpointsConfig: {
          [name]: { IPAMConfig: { IPv4Address, LinkLocalIPs: ['169.254.7.7'] }, MacAddress: '02:00:00:00:00:42' },
        },
      },
    })
    const address = `${skiff.addresses.free}77`
    const id = await start(skiff, wish(address))
    expect((await settings(id)).Networks.static).toMatchObject({ IPAddress: address, MacAddress: '02:00:00:00:00:42' })
    expect((await exec(skiff, id, ['cat', '/sys/class/net/eth0/address'])).stdout).toBe('02:00:00:00:00:42\n')
    expect((await exec(skiff, id, ['ip', '-o', 'addr'])).stdout).toContain('inet 169.254.7.7/16')
    const second = await create(skiff, wish(address))
    expect(await refusal(skiff.api.post(`/containers/${second}/start`))).toMatch(/Address already in use$/)
    expect(await refusal(start(skiff, wish('10.0.0.1')))).toMatch(
      /^400 invalid config for network static: .*no configured subnet contains IP address 10\.0\.0\.1$/s,
    )
    expect(await refusal(start(skiff, wish('10.0.0.1', 'chosen')))).toBe(
      '400 user specified IP address is supported only when connecting to networks with user configured subnets',
    )
    // Stopped and started it has its address again.
    await skiff.api.post(`/containers/${id}/restart`, undefined, { t: 0 })
    expect(await addressOf(id, 'static')).toBe(address)
    await Promise.all([id, second].map(one => remove(skiff, one)))
    await removeNetworks('static', 'chosen')
  })

  test('is apart from the others, whichever address is tried', async () => {
    await network('left')
    await network('right')
    const [a, b] = [await start(skiff, on('left')), await start(skiff, on('right'))]
    const [c, d] = [await start(skiff, on('left')), await start(skiff, on('bridge'))]
    expect(await reaches(a, await addressOf(c, 'left'))).toBe(true)
    expect(await reaches(a, await addressOf(b, 'right'))).toBe(false)
    expect(await reaches(a, await addressOf(d, 'bridge'))).toBe(false)
    expect(await reaches(d, await addressOf(a, 'left'))).toBe(false)
    await Promise.all([a, b, c, d].map(id => remove(skiff, id)))
    await removeNetworks('left', 'right')
  })

  test('may be internal: its containers reach each other and nobody else', async () => {
    await network('inside', { Internal: true })
    const [a, b] = [await start(skiff, on('inside')), await start(skiff, on('inside'), 'neighbour')]
    expect((await settings(a)).Networks.inside.Gateway).toBe('')
    expect((await exec(skiff, a, ['ip', 'route'])).stdout).not.toContain('default')
    expect(await reaches(a, await addressOf(b, 'inside'))).toBe(true)
    expect(await reaches(a, 'neighbour')).toBe(true)
    // Even with a route of its own making it does not get out.
    const outsider = await start(skiff, on('bridge'))
    const address = await addressOf(outsider, 'bridge')
    const gateway = (await show('inside')).IPAM.Config[0].Gateway
    await skiff.api.post(`/containers/${a}/stop`, undefined, { t: 0 })
    const escaping = await start(skiff, on('inside', { CapAdd: ['NET_ADMIN'] }))
    expect((await exec(skiff, escaping, ['ip', 'route', 'add', 'default', 'via', gateway])).exitCode).toBe(0)
    expect(await reaches(escaping, address)).toBe(false)
    await Promise.all([a, b, outsider, escaping].map(id => remove(skiff, id)))
    await removeNetworks('inside')
  })

  test('has IPv6 when asked for', async () => {
    await network('six', { EnableIPv6: true, IPAM: { Config: [{ Subnet: 'fd5c:1f::/64' }] } })
    const [a, b] = [await start(skiff, on('six')), await start(skiff, on('six'), 'sixth')]
    const { GlobalIPv6Address, IPv6Gateway, GlobalIPv6PrefixLen, IPAddress } = (await settings(b)).Networks.six
    expect([GlobalIPv6Address, IPv6Gateway, GlobalIPv6PrefixLen]).toEqual(['fd5c:1f::3', 'fd5c:1f::1', 64])
    expect(IPAddress).not.toBe('')
    expect(await reaches(a, GlobalIPv6Address)).toBe(true)
    expect(await reaches(a, IPv6Gateway)).toBe(true)
    expect((await exec(skiff, a, ['ping', '-6', '-c1', '-W2', 'sixth'])).exitCode).toBe(0)
    expect((await exec(skiff, a, ['ip', '-6', 'route'])).stdout).toContain('default via fd5c:1f::1')
    await Promise.all([a, b].map(id => remove(skiff, id)))
    await removeNetworks('six')
  })

  test('may keep its containers apart', async () => {
    await network('hermits', { Options: { 'com.docker.network.bridge.enable_icc': 'false' } })
    const [a, b] = [await start(skiff, on('hermits')), await start(skiff, on('hermits'))]
    expect(await reaches(a, await addressOf(b, 'hermits'))).toBe(false)
    expect(await reaches(a, (await settings(a)).Networks.hermits.Gateway)).toBe(true)
    await Promise.all([a, b].map(id => remove(skiff, id)))
    await removeNetworks('hermits')
  })

  test('is pruned when nobody is in it', async () => {
    for (const name of ['used', 'idle', 'kept']) await network(name, { Labels: { keep: String(name === 'kept') } })
    const id = await start(skiff, on('used'))
    expect(await skiff.api.post('/networks/prune', undefined, { filters: { 'label!': ['keep=true'] } })).toEqual({
      NetworksDeleted: ['idle'],
    })
    expect(await skiff.api.post('/networks/prune')).toEqual({ NetworksDeleted: ['kept'] })
    await remove(skiff, id)
    expect(await skiff.api.post('/networks/prune')).toEqual({ NetworksDeleted: ['used'] })
  })
})

describe('connecting', () => {
  test('a running container: interface, names, hosts and route come and go', async () => {
    await network('one')
    await network('two', { IPAM: { Config: [{ Subnet: `${skiff.addresses.free}0/24` }] } })
    const [a, peer] = [await start(skiff, on('one'), 'mover'), await start(skiff, on('two'), 'peer')]
    const ports = await portsOf('one', 'two')
    expect(await reaches(a, 'peer')).toBe(false)
    await connect('two', a, {
      Aliases: ['wanderer'],
      IPAMConfig: { IPv4Address: `${skiff.addresses.free}50` },
    })
    expect((await settings(a)).Networks.two).toMatchObject({ IPAddress: `${skiff.addresses.free}50` })
    expect(await reaches(a, 'peer')).toBe(true)
    expect(await reaches(peer, 'wanderer')).toBe(true)
    const hosts = async () => (await exec(skiff, a, ['cat', '/etc/hosts'])).stdout
    expect(await hosts()).toContain(`${skiff.addresses.free}50\t${a.slice(0, 12)}`)
    const routes = async () => (await exec(skiff, a, ['ip', 'route'])).stdout
    expect(await routes()).toContain('dev eth0')
    await disconnect('one', 'mover')
    expect(await routes()).toContain(`default via ${skiff.addresses.free}1 dev eth1`)
    expect(Object.keys((await settings(a)).Networks)).toEqual(['two'])
    await disconnect('two', a)
    expect(await reaches(a, 'peer')).toBe(false)
    expect(await reaches(peer, 'wanderer')).toBe(false)
    expect(await hosts()).not.toContain(a.slice(0, 12))
    expect((await exec(skiff, a, ['ls', '/sys/class/net'])).stdout).toBe('lo\n')
    expect((await portsOf('one', 'two')).length).toBe(ports.length - 1)
    await Promise.all([a, peer].map(id => remove(skiff, id)))
    await removeNetworks('one', 'two')
  })

  test('a stopped container: it is there at the next start, and after a restart of the daemon', async () => {
    await network('later')
    const id = await create(skiff, on('bridge'), 'sleeper')
    await connect('later', 'sleeper', { Aliases: ['dozer'] })
    await disconnect('bridge', 'sleeper')
    await skiff.restart()
    expect(Object.keys((await settings(id)).Networks)).toEqual(['later'])
    await skiff.api.post(`/containers/${id}/start`)
    expect((await settings(id)).Networks.later).toMatchObject({ Aliases: ['dozer'], IPPrefixLen: 24 })
    expect((await exec(skiff, id, ['ls', '/sys/class/net'])).stdout).toBe('eth0\nlo\n')
    await remove(skiff, id)
    await removeNetworks('later')
  })

  test('what stands in the container’s own hosts file stays', async () => {
    await network('more')
    const id = await start(skiff, on('bridge'))
    await exec(skiff, id, ['sh', '-c', 'echo 10.0.0.9 mine >>/etc/hosts'])
    await connect('more', id)
    const { stdout } = await exec(skiff, id, ['cat', '/etc/hosts', '/etc/resolv.conf'])
    expect(stdout).toContain('10.0.0.9 mine\n')
    expect(stdout).toContain(await addressOf(id, 'more'))
    expect(stdout).toContain('nameserver 127.0.0.11\n')
    await remove(skiff, id)
    await removeNetworks('more')
  })

  test('is refused in Docker’s words', async () => {
    await network('some')
    const ids = {
      user: await start(skiff, on('some'), 'user'),
      host: await start(skiff, on('host'), 'onhost'),
      none: await start(skiff, on('none'), 'nowhere'),
      shared: await start(skiff, on('container:user'), 'sharing'),
    }
    const others = 'container cannot be connected to multiple networks with one of the networks in private (none) mode'
    const sharing =
      'container sharing network namespace with another container or host cannot be connected to any other network'
    expect(await refusal(connect('some', 'user'))).toBe('403 endpoint with name user already exists in network some')
    expect(await refusal(connect('some', 'nobody'))).toBe('404 No such container: nobody')
    expect(await refusal(connect('nonet', 'user'))).toBe('404 network nonet not found')
    expect(await refusal(connect('host', 'user'))).toBe(
      '403 container cannot be disconnected from host network or connected to host network',
    )
    expect(await refusal(connect('none', 'user'))).toBe(`403 ${others}`)
    expect(await refusal(connect('some', 'nowhere'))).toBe(`403 ${others}`)
    expect(await refusal(connect('some', 'onhost'))).toBe(`403 ${sharing}`)
    expect(await refusal(connect('some', 'sharing'))).toBe(`403 ${sharing}`)
    expect(await refusal(disconnect('bridge', 'user'))).toBe(
      `403 container ${ids.user} is not connected to network bridge`,
    )
    expect(await refusal(disconnect('some', 'nobody', true))).toBe('404 endpoint nobody not found')
    await Promise.all(Object.values(ids).map(id => remove(skiff, id)))
    await removeNetworks('some')
  })

  test('several at creation: all of them from the first moment', async () => {
    await network('first')
    await network('second')
    const EndpointsConfig = { first: { Aliases: ['a1'] }, second: { Aliases: ['a2'] } }
    const id = await start(skiff, { ...on('first'), NetworkingConfig: { EndpointsConfig } }, 'both')
    expect(Object.keys((await settings(id)).Networks)).toEqual(['first', 'second'])
    const other = await start(skiff, on('second'))
    expect(await reaches(other, 'a2')).toBe(true)
    expect(await reaches(other, 'a1')).toBe(false)
    const { Gateway } = (await settings(id)).Networks.first
    expect((await exec(skiff, id, ['ip', 'route'])).stdout).toContain(`default via ${Gateway} dev eth0`)
    await Promise.all([id, other].map(one => remove(skiff, one)))
    await removeNetworks('first', 'second')
  })

  test(
    `${CYCLES} times leaves nothing behind, and the same addresses are free again`,
    async () => {
      await network('busy')
      const id = await start(skiff, on('bridge', { PortBindings: { '80/tcp': [{ HostPort: '' }] } }))
      const look = async () => ({
        ports: await portsOf('bridge', 'busy'),
        rules: await rules(),
        inside: (await exec(skiff, id, ['ip', 'address'])).stdout.match(/inet \S+|\w+(?=@)/g),
      })
      // The interface of the default bridge is another one when the first round is over.
      const round = async () => {
        await connect('busy', id)
        const address = await addressOf(id, 'busy')
        await disconnect('bridge', id)
        await connect('bridge', id)
        await disconnect('busy', id)
        return `${address} ${await addressOf(id, 'bridge')}`
      }
      const addresses = new Set([await round()])
      const before = await look()
      for (let cycle = 2; cycle < CYCLES; cycle += 2) addresses.add(await round())
      expect(addresses.size).toBe(1)
      const after = await look()
      expect(after.ports.length).toBe(1)
      expect({ ...after, ports: [] }).toEqual({ ...before, ports: [] })
      expect(before.inside).toContain('eth0')
      expect(before.rules).toMatch(/(tcp|6) \. \d+ : /)
      await remove(skiff, id)
      await removeNetworks('busy')
      expect(await rules()).not.toMatch(/(tcp|6) \. \d+ : /)
    },
    CYCLE_GUARD_MS,
  )
})

test('a container shares the network of another', async () => {
  const owner = await start(skiff, on('bridge', { Dns: ['192.0.2.1'] }), 'owner')
  const guest = await start(skiff, on('container:owner'))
  const look = (id: string) =>
    exec(skiff, id, ['sh', '-c', 'readlink /proc/self/ns/net; cat /etc/hosts /etc/resolv.conf'])
  expect(await look(guest)).toEqual(await look(owner))
  expect((await settings(guest)).Networks).toEqual({})
  const said = async (id: string) =>
    /\nNETWORK\n +(.*)\n/.exec(String(await skiff.api.bytes(`/containers/${id}/explain`)))?.[1]
  expect(await said(guest)).toBe('that of the container owner: skiff explain owner shows it')
  const plain = await Promise.all(['host', 'none'].map(mode => start(skiff, on(mode))))
  expect(await Promise.all(plain.map(said))).toEqual([
    "the host's: its interfaces, addresses and ports are the container's as well",
    'a namespace of its own, in which there is the loopback and nothing else',
  ])
  await Promise.all(plain.map(id => remove(skiff, id)))
  await Promise.all([owner, guest].map(id => remove(skiff, id)))
  expect(await refusal(start(skiff, on('container:gone')))).toMatch(/No such container: gone$/)
})

test('with its owner a shared network goes, and the address is free for another', async () => {
  await network('lent')
  const owner = await start(skiff, on('lent'))
  const guest = await start(skiff, on(`container:${owner}`))
  const interfaces = async () => (await exec(skiff, guest, ['ls', '/sys/class/net'])).stdout
  expect(await interfaces()).toBe('eth0\nlo\n')
  const address = await addressOf(owner, 'lent')
  await remove(skiff, owner)
  const heir = await start(skiff, on('lent'))
  expect(await addressOf(heir, 'lent')).toBe(address)
  await expect.poll(interfaces, { timeout: 30_000 }).toBe('lo\n')
  await Promise.all([guest, heir].map(id => remove(skiff, id)))
  await removeNetworks('lent')
})

test('macvlan: an interface of the host carries the container’s', async () => {
  const parent = `${skiff.bridge}m`
  const ip = (words: string) => execFileSync('ip', words.split(' '))
  ip(`link add ${parent} type veth peer name ${parent}p`)
  try {
    for (const end of [parent, `${parent}p`]) ip(`link set ${end} up`)
    await network('lan', {
      Driver: 'macvlan',
      Options: { parent },
      IPAM: { Config: [{ Subnet: `${skiff.addresses.free}0/24`, Gateway: `${skiff.addresses.free}1` }] },
    })
    const [a, b] = [await start(skiff, on('lan')), await start(skiff, on('lan'), 'onlan')]
    expect(await addressOf(b, 'lan')).toBe(`${skiff.addresses.free}3`)
    expect(await reaches(a, 'onlan')).toBe(true)
    const { NetworkID } = (await settings(a)).Networks.lan
    expect(NetworkID).toBe((await show('lan')).Id)
    const c = await start(skiff, on('bridge'))
    await connect('lan', c)
    expect(await reaches(c, 'onlan')).toBe(true)
    await disconnect('lan', c)
    expect((await exec(skiff, c, ['ls', '/sys/class/net'])).stdout).toBe('eth0\nlo\n')
    await Promise.all([a, b, c].map(id => remove(skiff, id)))
    await removeNetworks('lan')
    const refused = (options: object) => refusal(network('nolan', { Driver: 'macvlan', Options: options }))
    expect(await refused({ parent: 'sk-none' })).toMatch(/invalid subinterface vlan name sk-none, example formatting/)
    expect(await refused({ parent: 'sk-none.5' })).toMatch(/parent interface does was not found on the host: sk-none$/)
    expect(await refused({ parent: 'lo.5000' })).toMatch(/vlan id must be between 1-4094, received: 5000$/)
    expect(await refused({ parent: 'lo' })).toMatch(/loopback interface is not a valid macvlan parent link$/)
    expect(await refused({ parent, macvlan_mode: 'x' })).toMatch(
      /requested macvlan mode 'x' is not valid, 'bridge' mode/,
    )
  } finally {
    ip(`link delete ${parent}`)
  }
})

test('macvlan on a VLAN of a card, which is made and removed with the network', async context => {
  const parent = `${skiff.bridge}v`
  const ip = (words: string) => execFileSync('ip', words.split(' '), { stdio: 'pipe' })
  ip(`link add ${parent} type veth peer name ${parent}p`)
  try {
    for (const end of [parent, `${parent}p`]) ip(`link set ${end} up`)
    try {
      ip(`link add link ${parent} name ${parent}.9 type vlan id 9`)
    } catch {
      return context.skip('this kernel has no VLANs')
    }
    await network('vlan', { Driver: 'macvlan', Options: { parent: `${parent}.7` } })
    expect(JSON.parse(String(ip(`-d -j link show ${parent}.7`)))[0].linkinfo).toMatchObject({
      info_kind: 'vlan',
      info_data: { id: 7 },
    })
    const [a, b] = [await start(skiff, on('vlan')), await start(skiff, on('vlan'), 'onvlan')]
    expect(await reaches(a, 'onvlan')).toBe(true)
    await Promise.all([a, b].map(id => remove(skiff, id)))
    await removeNetworks('vlan')
    expect((await lookAtMachine()).links).not.toContain(`link ${parent}.7`)
  } finally {
    ip(`link delete ${parent}`)
  }
})

test('macvlan without a card of the machine: its containers reach each other and nobody else', async () => {
  const id = await network('island', { Driver: 'macvlan' })
  const wire = `dm-${id.slice(0, 12)}`
  const [a, b] = [await start(skiff, on('island')), await start(skiff, on('island'), 'islander')]
  expect(await reaches(a, 'islander')).toBe(true)
  expect((await exec(skiff, a, ['ip', 'route'])).stdout).not.toContain('default')
  const { network: shown } = await skiff.api.get(`/containers/${a}/explain`, { format: 'json' })
  expect(shown.commands.map(({ command }: Json) => command).join('\n')).toMatch(
    new RegExp(
      `^ip link add ${wire} up type veth peer .*\\nip link add eth0 link ${wire} .* type macvlan mode bridge$`,
      'm',
    ),
  )
  expect(JSON.stringify(shown.commands)).not.toContain('add rule inet')
  await skiff.kill9()
  await skiff.restart()
  const c = await start(skiff, on('island'))
  expect(await reaches(c, 'islander')).toBe(true)
  await Promise.all([a, b, c].map(one => remove(skiff, one)))
  await removeNetworks('island')
  expect((await lookAtMachine()).links.join('\n')).not.toContain(wire)
})

test('containers that start at once get addresses of their own', async () => {
  await network('crowd')
  const ids = await Promise.all(Array.from({ length: 30 }, () => start(skiff, on('crowd'))))
  const { Containers } = await show('crowd')
  const addresses = ids.map(id => Containers[id].IPv4Address)
  expect(new Set(addresses).size).toBe(30)
  await Promise.all(ids.map(id => remove(skiff, id)))
  await removeNetworks('crowd')
})

test('network traffic is counted', async () => {
  const id = await start(skiff, on('bridge'))
  await exec(skiff, id, ['ping', '-c3', '-i0.1', '-s1000', skiff.addresses.bip.split('/')[0] as string])
  const { networks } = await skiff.api.get(`/containers/${id}/stats`, { stream: false, 'one-shot': true })
  expect(networks.eth0.tx_bytes).toBeGreaterThan(3000)
  expect(networks.eth0.rx_packets).toBeGreaterThanOrEqual(3)
  await remove(skiff, id)
})

test('events tell who joined and left, and what was made', async () => {
  const since = Date.now() / 1000
  const id = await network('told')
  const container = await start(skiff, on('bridge'), 'guest')
  await connect('told', container)
  await disconnect('told', container)
  await remove(skiff, container)
  await removeNetworks('told')
  const until = Date.now() / 1000 + 0.01
  const text = (await skiff.api.bytes('/events', { since, until, filters: { type: ['network'] } })).toString()
  const events = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const shown = events.map(({ Action, Actor }) => [Action, Actor.ID === id ? 'told' : 'bridge', Actor.Attributes])
  const of = (name: string) => ({ container, name, type: 'bridge' })
  expect(shown).toEqual([
    ['create', 'told', { name: 'told', type: 'bridge' }],
    ['connect', 'bridge', of('bridge')],
    ['connect', 'told', of('told')],
    ['disconnect', 'told', of('told')],
    ['disconnect', 'bridge', of('bridge')],
    ['destroy', 'told', { name: 'told', type: 'bridge' }],
  ])
})

test('what a network is stands in a file that people can read', async () => {
  const id = await network('written')
  const file = JSON.parse(await readFile(`${skiff.dataRoot}/networks/${id}.json`, 'utf8'))
  expect(file).toMatchObject({ id, name: 'written', driver: 'bridge' })
  await removeNetworks('written')
})

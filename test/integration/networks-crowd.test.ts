/** As many sandboxes as a /24 has room for, made by the network service itself: 250 processes more would add nothing but time. */

import { randomBytes, randomInt } from 'node:crypto'
import { closeSync } from 'node:fs'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Salvage } from '../../src/kernel/salvage.ts'
import { listAddresses } from '../../src/netlink/address.ts'
import { getLink } from '../../src/netlink/link.ts'
import { NetlinkSocket } from '../../src/netlink/socket.ts'
import { Networks } from '../../src/networks/networks.ts'
import type { SandboxRequest } from '../../src/networks/types.ts'
import { RUN } from '../support/machine.ts'

const CROWD = 250
/** All addresses of a /24 but the network's own, the broadcast and the gateway. */
const ROOM = 253

const request = (number: number): SandboxRequest => ({
  containerId: String(number).padStart(64, '0'),
  containerName: `c${number}`,
  domainname: '',
  hostname: `c${number}`,
  endpoints: {
    crowd: {
      aliases: [],
      links: [],
      macAddress: '',
      driverOptions: {},
      ipv4Address: '',
      ipv6Address: '',
      linkLocalIps: [],
    },
  },
  ports: {},
  publishAll: false,
  exposedPorts: [],
  dns: [],
  dnsOptions: [],
  dnsSearch: [],
  extraHosts: [],
  links: [],
})

test(`${CROWD} containers on one network have addresses of their own, in the kernel too; there is room for ${ROOM}`, async () => {
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-`))
  const prefix = `10.${randomInt(64, 250)}.${randomInt(130, 250)}.`
  const networks = await Networks.open({
    folder,
    defaultBridge: null,
    forwards: true,
    pools: [],
    table: `skiff-test-${RUN}`,
    resolvConfPath: '/dev/null',
    dns: { servers: [], search: [], options: [] },
    hostGateway: '',
    salvage: new Salvage(folder, () => {}),
    onFilesChanged() {},
  })
  const namespaces: number[] = []
  try {
    const bridge = `sk-${randomBytes(4).toString('hex')}`
    await networks.create({
      name: 'crowd',
      driver: 'bridge',
      internal: false,
      attachable: false,
      enableIpv4: true,
      enableIpv6: false,
      labels: {},
      options: { 'com.docker.network.bridge.name': bridge },
      ipam: { driver: '', options: {}, config: [{ subnet: `${prefix}0/24` }] },
    })
    const make = async (number: number): Promise<string> => {
      const { netns, endpoints } = await networks.createSandbox(request(number))
      namespaces.push(netns)
      using guest = NetlinkSocket.openIn(netns)
      const index = getLink(guest, 'eth0')?.index
      expect(listAddresses(guest).filter(one => one.index === index)).toEqual([
        { index, address: endpoints.crowd?.ipAddress, prefixLength: 24 },
      ])
      return endpoints.crowd?.ipAddress ?? ''
    }
    const addresses = await Promise.all(Array.from({ length: CROWD }, (_, number) => make(number)))
    expect(new Set(addresses).size).toBe(CROWD)
    expect(addresses.every(address => address.startsWith(prefix) && address !== `${prefix}1`)).toBe(true)
    for (let number = CROWD; number < ROOM; number++) await make(number)
    await expect(make(ROOM)).rejects.toThrow("no available IPv4 addresses on this network's address pools")
    await networks.releaseSandbox(request(7).containerId)
    expect(await make(ROOM)).toBe(addresses[7])
    for (let number = 0; number <= ROOM; number++) await networks.releaseSandbox(request(number).containerId)
    for (const netns of namespaces.splice(0)) closeSync(netns)
    await networks.remove('crowd')
    // Those that are made ahead, while there are starts.
    await expect.poll(namespacesHeld, { timeout: 30_000 }).toBeGreaterThan(0)
  } finally {
    for (const netns of namespaces) closeSync(netns)
    networks.retire()
    await rm(folder, { recursive: true, force: true })
  }
  await expect.poll(namespacesHeld, { timeout: 30_000 }).toBe(0)
}, 180_000)

/** How many network namespaces this process has a descriptor of. */
async function namespacesHeld(): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => ''))
  return (await Promise.all(links)).filter(target => target.startsWith('net:[')).length
}

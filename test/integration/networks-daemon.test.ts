/** What the daemon's configuration says of networks: the default bridge, the pools, and where ports are published. */

import { beforeAll, describe, expect, test } from 'vitest'
import { create, exec, inspect, remove, start } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { eventually, type NetworkedDaemon, otherHost, startNetworkedDaemon, talk } from '../support/network.ts'

const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL' }
const serving = (HostIp = '') => ({
  Image: 'busybox',
  Cmd: ['sh', '-c', 'while :; do echo hello | nc -l -p 80; done'],
  StopSignal: 'SIGKILL',
  HostConfig: { PortBindings: { '80/tcp': [{ HostIp, HostPort: '' }] } },
})

describe('the default bridge', () => {
  let skiff: NetworkedDaemon
  beforeAll(async () => {
    skiff = await startNetworkedDaemon({
      config: {
        mtu: 1380,
        icc: false,
        ip: '127.0.0.1',
        'userland-proxy': false,
        ipv6: true,
        'fixed-cidr-v6': 'fd5c:3f::/64',
      },
    })
  })

  test('is as it was configured, and its containers are', async () => {
    const { EnableIPv6, IPAM, Options } = await skiff.api.get('/networks/bridge')
    expect(EnableIPv6).toBe(true)
    expect(IPAM.Config[1]).toEqual({ Subnet: 'fd5c:3f::/64', Gateway: 'fd5c:3f::1' })
    expect(Options).toMatchObject({
      'com.docker.network.bridge.enable_icc': 'false',
      'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
      'com.docker.network.driver.mtu': '1380',
    })
    const [a, b] = [await start(skiff, SLEEP), await start(skiff, SLEEP)]
    expect((await exec(skiff, a, ['cat', '/sys/class/net/eth0/mtu'])).stdout).toBe('1380\n')
    const { IPAddress, Gateway, GlobalIPv6Address } = (await inspect(skiff, b)).NetworkSettings
    expect(GlobalIPv6Address).toBe('fd5c:3f::3')
    const reaches = async (address: string) => (await exec(skiff, a, ['ping', '-c1', '-W1', address])).exitCode === 0
    expect(await reaches(Gateway)).toBe(true)
    expect(await reaches('fd5c:3f::1')).toBe(true)
    for (const neighbour of [IPAddress, GlobalIPv6Address]) expect(await reaches(neighbour)).toBe(false)
    await Promise.all([a, b].map(id => remove(skiff, id)))
  })

  test('publishes on the address that was configured; nobody copies what no rule can translate', async () => {
    const id = await start(skiff, serving())
    const [{ HostIp, HostPort }] = (await inspect(skiff, id)).NetworkSettings.Ports['80/tcp']
    expect(HostIp).toBe('127.0.0.1')
    expect(await eventually(() => talk('127.0.0.1', Number(HostPort)))).toBe('hello\n')
    await skiff.api.post('/networks/create', { Name: 'four' })
    const six = serving('::1')
    const other = await start(skiff, { ...six, HostConfig: { ...six.HostConfig, NetworkMode: 'four' } })
    const [binding] = (await inspect(skiff, other)).NetworkSettings.Ports['80/tcp']
    expect(binding.HostIp).toBe('::1')
    expect(await talk('::1', Number(binding.HostPort)).catch(() => '')).toBe('')
    await Promise.all([id, other].map(one => remove(skiff, one)))
    await skiff.api.delete('/networks/four')
  })
})

test('addresses come from fixed-cidr only, after a restart as well, and none twice; networks keep off the machine’s routes', async () => {
  const netOf = (bip: string) => bip.slice(0, bip.lastIndexOf('.') + 1)
  const skiff = await startNetworkedDaemon({ configure: ({ bip }) => ({ 'fixed-cidr': `${netOf(bip)}192/30` }) })
  const addressOf = async (id: string) => (await inspect(skiff, id)).NetworkSettings.IPAddress
  const first = [await start(skiff, SLEEP), await start(skiff, SLEEP)]
  await skiff.kill9()
  await skiff.restart()
  const ids = [...first, await start(skiff, SLEEP), await start(skiff, SLEEP)]
  expect(await Promise.all(ids.map(addressOf))).toEqual(
    [192, 193, 194, 195].map(last => `${netOf(skiff.addresses.bip)}${last}`),
  )
  const late = await create(skiff, SLEEP)
  await expect(skiff.api.post(`/containers/${late}/start`)).rejects.toThrow(/no available IPv4 addresses/)
  await Promise.all([...ids, late].map(id => remove(skiff, id)))
  const pool = skiff.addresses.pools[0]!.base.replace(/0\/\d+$/, '')
  await otherHost(pool)
  await skiff.api.post('/networks/create', { Name: 'beside' })
  const [{ Subnet }] = (await skiff.api.get('/networks/beside')).IPAM.Config
  expect(Subnet).toBe(pool.replace(/(\d+)\.$/, (_, third) => `${Number(third) + 1}.0/24`))
  await skiff.api.delete('/networks/beside')
})

test('without a default bridge containers have a network of their own, with loopback only', async () => {
  const skiff = await startDaemon({ args: ['--bridge', 'none'] })
  await importBusybox(skiff)
  const id = await start(skiff, SLEEP)
  expect((await exec(skiff, id, ['ls', '/sys/class/net'])).stdout).toBe('lo\n')
  await remove(skiff, id)
})

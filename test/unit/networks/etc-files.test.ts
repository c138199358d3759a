import { describe, expect, it } from 'vitest'
import { extraHost, formatHosts, formatResolvConf, parseResolvConf } from '../../../src/networks/etc-files.ts'
import { parsePort, parsePortRange } from '../../../src/networks/host-ports.ts'
import { wantedPorts } from '../../../src/networks/publish.ts'

describe('resolv.conf', () => {
  it('is read as resolv.conf(5) says', () => {
    const text =
      '# made by hand\nnameserver 10.0.0.1\nnameserver nonsense\nsearch a.example\ndomain b.example\noptions ndots:2 rotate\n'
    expect(parseResolvConf(text)).toEqual({
      servers: ['10.0.0.1'],
      search: ['b.example'],
      options: ['ndots:2', 'rotate'],
    })
  })

  it('is written back', () => {
    const conf = { servers: ['10.0.0.1'], search: ['a', 'b'], options: ['ndots:0'] }
    expect(parseResolvConf(formatResolvConf(conf))).toEqual(conf)
  })
})

describe('hosts', () => {
  it('puts what was added before the container itself', () => {
    const text = formatHosts([extraHost('db:10.0.0.9', ''), { address: '172.17.0.2', names: ['web'] }])
    expect(text.startsWith('127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n')).toBe(true)
    expect(text.endsWith('10.0.0.9\tdb\n172.17.0.2\tweb\n')).toBe(true)
  })

  it('knows the host by host-gateway, and IPv6', () => {
    expect(extraHost('host.docker.internal:host-gateway', '172.17.0.1').address).toBe('172.17.0.1')
    expect(extraHost('six:::1', '')).toEqual({ address: '::1', names: ['six'] })
    expect(() => extraHost('db', '')).toThrow(/add-host/)
    expect(() => extraHost('db:nonsense', '')).toThrow(/invalid IP address in add-host/)
  })
})

describe('ports', () => {
  it('are read in every form', () => {
    expect(parsePort('80')).toEqual({ port: 80, protocol: 'tcp' })
    expect(parsePort('53/udp')).toEqual({ port: 53, protocol: 'udp' })
    expect(parsePortRange('')).toBeNull()
    expect(parsePortRange('8000-8010')).toEqual([8000, 8010])
  })

  it.each(['0/tcp', '65536', '-1', 'http', '80/icmp'])('refuse %s', text =>
    expect(() => parsePort(text)).toThrow(/invalid/),
  )
  it('refuse sctp by name', () => expect(() => parsePort('80/sctp')).toThrow(/not sctp/))
  it('refuse a range that runs backwards', () => expect(() => parsePortRange('90-80')).toThrow(/invalid port/))

  it('that are exposed are published with -P only', () => {
    const exposed = { exposedPorts: ['80/tcp', '443/tcp'], ports: { '443/tcp': [{ hostIp: '', hostPort: '8443' }] } }
    expect(wantedPorts({ ...exposed, publishAll: false })).toEqual({
      '80/tcp': null,
      '443/tcp': [{ hostIp: '', hostPort: '8443' }],
    })
    expect(wantedPorts({ ...exposed, publishAll: true })['80/tcp']).toEqual([{ hostIp: '', hostPort: '' }])
  })
})

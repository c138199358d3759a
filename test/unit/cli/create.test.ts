/** Pieces of `run`'s command line: mounts, networks, ports, devices, limits, capabilities, names of images. */

import { describe, expect, test } from 'vitest'
import { capabilities } from '../../../src/cli/create/capabilities.ts'
import { csvFields } from '../../../src/cli/create/csv.ts'
import { parseDevice, parseWeightDevice } from '../../../src/cli/create/devices.ts'
import { parseMount } from '../../../src/cli/create/mount.ts'
import { networking, parseNetwork } from '../../../src/cli/create/network.ts'
import { parsePorts } from '../../../src/cli/create/ports.ts'
import { restartPolicy } from '../../../src/cli/create/restart.ts'
import { parseUlimit } from '../../../src/cli/create/ulimit.ts'
import { fullName, parseReference, withDefaultTag } from '../../../src/cli/images/reference.ts'
import { ipamConfig } from '../../../src/cli/networks/ipam-config.ts'

test('fields may be quoted', () => {
  expect(csvFields('a,"b,c","d ""e""",')).toEqual(['a', 'b,c', 'd "e"', ''])
  expect(() => csvFields('a"b')).toThrow('bare "')
})

describe('mounts', () => {
  test.each([
    ['type=bind,src=/a,dst=/b,ro', { Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true }],
    ['source=v,target=/b', { Type: 'volume', Source: 'v', Target: '/b' }],
    [
      'type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0700',
      { Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1048576, Mode: 0o700 } },
    ],
    [
      'type=volume,dst=/b,volume-opt=a=b,volume-opt=c=d=e',
      { Type: 'volume', Target: '/b', VolumeOptions: { DriverConfig: { Options: { a: 'b', c: 'd=e' } } } },
    ],
    [
      'type=bind,src=/a,dst=/b,bind-recursive=disabled',
      { Type: 'bind', Source: '/a', Target: '/b', BindOptions: { NonRecursive: true } },
    ],
  ])('%s', (text, expected) => {
    expect(parseMount(text)).toEqual(expected)
  })

  test.each([
    ['type=bind', 'target is required'],
    ['type=,target=/x', 'type is required'],
    ['foo', "invalid field 'foo' must be a key=value pair"],
    ['foo=bar', "unexpected key 'foo' in 'foo=bar'"],
    ['target=/x,ro=maybe', 'invalid value for ro: maybe'],
    ['type=tmpfs,target=/x,volume-nocopy', "cannot mix 'volume-*' options with mount type 'tmpfs'"],
    ['type=bind,target=/x,tmpfs-size=z', 'invalid value for tmpfs-size: z'],
    ['target=/x,constructor=1', "unexpected key 'constructor' in 'constructor=1'"],
  ])('%s is refused', (text, message) => {
    expect(() => parseMount(text)).toThrow(message)
  })
})

describe('ports', () => {
  test('a published port is exposed', () => {
    expect(parsePorts(['8080:80/udp'], ['99'])).toEqual({
      ExposedPorts: { '80/udp': {}, '99/tcp': {} },
      PortBindings: { '80/udp': [{ HostIp: '', HostPort: '8080' }] },
    })
  })

  test('one port at several addresses', () => {
    expect(parsePorts(['127.0.0.1:1:80', '[::1]:2:80', '10.0.0.100::80'], []).PortBindings['80/tcp']).toEqual([
      { HostIp: '127.0.0.1', HostPort: '1' },
      { HostIp: '::1', HostPort: '2' },
      { HostIp: '10.0.0.100', HostPort: '' },
    ])
  })

  test.each([
    ['80:', 'no port specified: 80:<empty>'],
    ['x', 'invalid containerPort: x'],
    ['x:80', 'invalid hostPort: x'],
    ['80:80/foo', 'invalid proto: foo'],
    ['1-2:3-5', 'invalid ranges specified for container and host Ports: 3-5 and 1-2'],
    ['9-8:1', 'invalid hostPort: 9-8'],
    ['300.0.0.1:1:1', 'invalid IP address: 300.0.0.1'],
  ])('%s is refused', (text, message) => {
    expect(() => parsePorts([text], [])).toThrow(message)
  })
})

describe('networks', () => {
  const old = { aliases: [], links: [], ip: '', ip6: '', linkLocalIps: [], macAddress: '' }

  test('a network about which nothing is said is only named', () => {
    expect(networking([parseNetwork('n')], old)).toEqual({ NetworkMode: 'n', EndpointsConfig: undefined })
    expect(networking([], old)).toEqual({ NetworkMode: 'default', EndpointsConfig: undefined })
  })

  test('the older flags are for the first network', () => {
    const given = [parseNetwork('a'), parseNetwork('name=b,alias=x,alias=y')]
    expect(networking(given, { ...old, ip: '1.2.3.4', aliases: ['z'] })).toEqual({
      NetworkMode: 'a',
      EndpointsConfig: { a: { IPAMConfig: { IPv4Address: '1.2.3.4' }, Aliases: ['z'] }, b: { Aliases: ['x', 'y'] } },
    })
  })

  test('contradictions are refused', () => {
    expect(() => networking([parseNetwork('a'), parseNetwork('a')], old)).toThrow(
      'network "a" is specified multiple times',
    )
    expect(() => networking([parseNetwork('host'), parseNetwork('a')], old)).toThrow(
      'cannot attach both user-defined and non-user-defined',
    )
    expect(() => networking([parseNetwork('name=a,ip=1.1.1.1')], { ...old, ip: '2.2.2.2' })).toThrow(
      'cannot specify both --ip and per-network IPv4 address',
    )
    expect(() => parseNetwork('alias=x')).toThrow('network name/id is not specified')
    expect(() => parseNetwork('name=a,foo=b')).toThrow('invalid field key foo')
  })

  test('each gateway and range finds its subnet', () => {
    const asked = {
      subnets: ['10.0.0.0/8', '2001:db8::/64'],
      ranges: ['10.1.0.0/16'],
      gateways: ['2001:db8::1', '10.0.0.1'],
      auxiliary: { a: '10.0.0.5' },
    }
    expect(ipamConfig(asked)).toEqual([
      { Subnet: '10.0.0.0/8', IPRange: '10.1.0.0/16', Gateway: '10.0.0.1', AuxiliaryAddresses: { a: '10.0.0.5' } },
      { Subnet: '2001:db8::/64', Gateway: '2001:db8::1' },
    ])
    const none = { ranges: [], gateways: [], auxiliary: {} }
    expect(() => ipamConfig({ ...none, subnets: ['10.0.0.0/8', '10.1.0.0/16'] })).toThrow('multiple overlapping subnet')
    expect(() => ipamConfig({ ...none, subnets: ['10.0.0.0/8'], gateways: ['11.0.0.1'] })).toThrow(
      'no matching subnet for gateway 11.0.0.1',
    )
    expect(() => ipamConfig({ ...none, subnets: [], gateways: ['11.0.0.1'] })).toThrow(
      'every ip-range or gateway must have a corresponding subnet',
    )
  })
})

test('devices', () => {
  expect(parseDevice('/dev/a')).toEqual({ PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'rwm' })
  expect(parseDevice('/dev/a:r')).toEqual({ PathOnHost: '/dev/a', PathInContainer: '/dev/a', CgroupPermissions: 'r' })
  expect(parseDevice('/dev/a:/dev/b:rw')).toEqual({
    PathOnHost: '/dev/a',
    PathInContainer: '/dev/b',
    CgroupPermissions: 'rw',
  })
  expect(parseWeightDevice('/dev/a:200')).toEqual({ Path: '/dev/a', Weight: 200 })
  expect(() => parseWeightDevice('/dev/a:5')).toThrow('invalid weight for device: /dev/a:5')
  expect(() => parseWeightDevice('a:200')).toThrow('bad format for device path: a:200')
})

test('limits, restart policies, capabilities', () => {
  expect(parseUlimit('nofile=10:20')).toEqual({ Name: 'nofile', Soft: 10, Hard: 20 })
  expect(parseUlimit('core=-1')).toEqual({ Name: 'core', Soft: -1, Hard: -1 })
  expect(() => parseUlimit('nope=1')).toThrow('invalid ulimit type: nope')
  expect(() => parseUlimit('core')).toThrow('invalid ulimit argument: core')
  expect(restartPolicy('on-failure:3')).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 })
  expect(() => restartPolicy('on-failure:x')).toThrow('maximum retry count must be an integer')
  expect(capabilities(['net_admin', 'CAP_NET_ADMIN'], ['all', 'NET_ADMIN'])).toEqual({
    CapAdd: ['CAP_NET_ADMIN'],
    CapDrop: ['ALL'],
  })
  expect(capabilities([], [])).toEqual({ CapAdd: null, CapDrop: null })
})

describe('names of images', () => {
  test.each([
    ['busybox', 'busybox:latest', 'docker.io/library/busybox'],
    ['me/tool', 'me/tool:latest', 'docker.io/me/tool'],
    ['localhost/tool', 'localhost/tool:latest', 'localhost/tool'],
    ['host:5000/a/b:1.0', 'host:5000/a/b:1.0', 'host:5000/a/b'],
    ['index.docker.io/library/x:1', 'index.docker.io/library/x:1', 'docker.io/library/x'],
  ])('%s', (text, tagged, full) => {
    expect(withDefaultTag(text)).toBe(tagged)
    expect(fullName(parseReference(text).name)).toBe(full)
  })

  test.each(['', 'UP', 'a//b', '-a', 'a:', 'a:b c', 'a@sha256:12', 'a..b/', 'host:port/a'])('%j is none', text => {
    expect(() => parseReference(text)).toThrow('invalid reference format')
  })
})

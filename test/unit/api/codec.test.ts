import { describe, expect, test } from 'vitest'
import { createBody } from '../../../src/api/codec/container-create.ts'
import { describeState } from '../../../src/api/codec/container-state.ts'
import { humanDuration, humanSize } from '../../../src/api/codec/duration.ts'
import { encodeEvent } from '../../../src/api/codec/event.ts'
import { decodeFilters } from '../../../src/api/codec/filters.ts'
import { hostConfig } from '../../../src/api/codec/host-config.ts'
import { parseJson } from '../../../src/api/codec/json.ts'
import { encodeProgress } from '../../../src/api/codec/progress.ts'
import { type Codec, ROOT } from '../../../src/api/codec/schema.ts'
import type { ContainerState } from '../../../src/containers/types.ts'

const decode = <T>(codec: Codec<T>, text: string): T => codec.decode(parseJson(text), ROOT)
const refusal = (text: string): string => {
  try {
    decode(createBody, text)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`accepted: ${text}`)
}

// The words are the reference engine's; test/integration/api-reference.test.ts compares them with a live one.
describe('malformed JSON', () => {
  test.each([
    ['', 'EOF'],
    ['  ', 'EOF'],
    ['{', 'unexpected EOF'],
    ['{"Image": "a', 'unexpected EOF'],
    ['[1,2', 'unexpected EOF'],
    ['{"a":-', 'unexpected EOF'],
    ['xyz', "invalid character 'x' looking for beginning of value"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    [`{'a':1}`, `invalid character '\\'' looking for beginning of object key string`],
    ['{"a" "b"}', `invalid character '"' after object key`],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', `invalid character '2' after array element`],
    ['{"a":tru}', `invalid character '}' in literal true (expecting 'e')`],
    ['{"a":"\\x"}', `invalid character 'x' in string escape code`],
    ['{"a":"\\u12g4"}', `invalid character 'g' in \\u hexadecimal character escape`],
    ['{"a":-x}', `invalid character 'x' in numeric literal`],
    ['{"a":"\n"}', `invalid character '\\n' in string literal`],
    ['{} {}', 'unexpected content after JSON'],
  ])('%j', (text, words) => expect(refusal(text)).toBe(words))
})

describe('values of the wrong type', () => {
  test.each([
    ['[]', 'array into Go value of type runconfig.ContainerConfigWrapper'],
    ['{"Image":3}', 'number into Go struct field ContainerConfigWrapper.Image of type string'],
    ['{"Cmd":3}', 'number into Go struct field ContainerConfigWrapper.Cmd of type string'],
    ['{"Env":"a"}', 'string into Go struct field ContainerConfigWrapper.Env of type []string'],
    ['{"Env":["a",3]}', 'number into Go struct field ContainerConfigWrapper.Env of type string'],
    ['{"Labels":{"a":1}}', 'number into Go struct field ContainerConfigWrapper.Labels of type string'],
    ['{"ExposedPorts":[]}', 'array into Go struct field ContainerConfigWrapper.ExposedPorts of type nat.PortSet'],
    [
      '{"ExposedPorts":{"1/tcp":1}}',
      'number into Go struct field ContainerConfigWrapper.ExposedPorts of type struct {}',
    ],
    [
      '{"Healthcheck":{"Interval":"1s"}}',
      'string into Go struct field HealthConfig.Healthcheck.Interval of type time.Duration',
    ],
    ['{"HostConfig":[]}', 'array into Go struct field ContainerConfigWrapper.HostConfig of type container.HostConfig'],
    ['{"HostConfig":{"Memory":"x"}}', 'string into Go struct field HostConfig.HostConfig.Memory of type int64'],
    ['{"HostConfig":{"Memory":1.5}}', 'number 1.5 into Go struct field HostConfig.HostConfig.Memory of type int64'],
    ['{"HostConfig":{"Memory":1e30}}', 'number 1e30 into Go struct field HostConfig.HostConfig.Memory of type int64'],
    [
      '{"HostConfig":{"BlkioWeight":-1}}',
      'number -1 into Go struct field HostConfig.HostConfig.BlkioWeight of type uint16',
    ],
    [
      '{"HostConfig":{"OomKillDisable":1,"Memory":"x"}}',
      'number into Go struct field HostConfig.HostConfig.OomKillDisable of type bool',
    ],
    [
      '{"HostConfig":{"ConsoleSize":["x",2]}}',
      'string into Go struct field HostConfig.HostConfig.ConsoleSize of type uint',
    ],
    [
      '{"HostConfig":{"Mounts":[{"BindOptions":{"NonRecursive":"x"}}]}}',
      'string into Go struct field BindOptions.HostConfig.Mounts.BindOptions.NonRecursive of type bool',
    ],
    [
      '{"NetworkingConfig":{"EndpointsConfig":{"x":{"Aliases":"x"}}}}',
      'string into Go struct field EndpointSettings.NetworkingConfig.EndpointsConfig.Aliases of type []string',
    ],
  ])('%s', (text, words) => expect(refusal(text)).toBe(`json: cannot unmarshal ${words}`))
})

describe('what clients send', () => {
  test('names in any case, null and unknown names', () => {
    const { config, hostConfig: host } = decode(
      createBody,
      '{"image":"a","CMD":["x",null],"Tty":null,"Foo":{"bar":[1]},"hostconfig":{"BINDS":["/a:/b"],"LogConfig":{"Type":""},"Memory":null}}',
    )
    expect(config).toMatchObject({ image: 'a', cmd: ['x', ''], tty: false, labels: {} })
    expect(host).toMatchObject({ binds: ['/a:/b'], logConfig: { type: '', config: {} } })
    expect(host?.resources.memoryBytes).toBeUndefined()
  })

  test('a command may be one string; null and [] are different things', () => {
    const cmd = (text: string) => decode(createBody, `{"Image":"a","Cmd":${text}}`).config?.cmd
    expect([cmd('"ls -l"'), cmd('null'), cmd('[]'), cmd('[""]')]).toEqual([['ls -l'], null, [], ['']])
  })

  test('paths to mask: null is the default, [] is none', () => {
    expect(decode(hostConfig, '{"MaskedPaths":null}').maskedPaths).toBeNull()
    expect(decode(hostConfig, '{"MaskedPaths":[]}').maskedPaths).toEqual([])
    expect(hostConfig.encode(decode(hostConfig, '{"MaskedPaths":[]}'))).toMatchObject({ MaskedPaths: [] })
  })

  test('no configuration at all is told from an empty one', () => {
    expect(decode(createBody, '{"HostConfig":{}}').config).toBeNull()
    expect(decode(createBody, '{"Image":null}').config).not.toBeNull()
  })

  test('the greatest number comes through, the next is refused', () => {
    expect(decode(hostConfig, '{"Memory":9223372036854775807}').resources.memoryBytes).toBe(2 ** 63)
    expect(() => decode(hostConfig, '{"Memory":9223372036854775808}')).toThrow('number 9223372036854775808 into')
  })

  test('a host configuration is written as it was read', () => {
    const sent = {
      Binds: ['/a:/b:ro'],
      NetworkMode: 'none',
      PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      CapAdd: ['NET_ADMIN'],
      ConsoleSize: [24, 80],
      Ulimits: [{ Name: 'nofile', Hard: 20, Soft: 10 }],
      Memory: 67108864,
      MemorySwappiness: 0,
      PidsLimit: 5,
      OomKillDisable: false,
      BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1000 }],
      Init: false,
      Tmpfs: { '/run': 'size=1m' },
      Mounts: [{ Type: 'bind', Source: '/s', Target: '/t', BindOptions: { Propagation: 'rslave' } }],
    }
    expect(hostConfig.encode(decode(hostConfig, JSON.stringify(sent)))).toMatchObject(sent)
  })
})

test('filters come as lists or as sets', () => {
  expect(decodeFilters('{"label":["a","b=c"]}')).toEqual({ label: ['a', 'b=c'] })
  expect(decodeFilters('{"label":{"a":true,"b=c":true}}')).toEqual({ label: ['a', 'b=c'] })
  expect(decodeFilters('')).toEqual({})
  expect(() => decodeFilters(' ')).toThrow('unexpected end of JSON input')
  expect(() => decodeFilters('[]')).toThrow(
    'json: cannot unmarshal array into Go value of type map[string]map[string]bool',
  )
  expect(() => decodeFilters('{"a":"b"}')).toThrow(
    'json: cannot unmarshal string into Go value of type map[string]bool',
  )
})

test('the nanoseconds of an event keep their digits', () => {
  const event = { type: 'container', action: 'start', actorId: 'x', attributes: { image: 'i' } } as const
  const line = encodeEvent({ ...event, timeNs: 1_795_253_547_127_344_085n })
  expect(line).toMatch(/"time":1795253547,"timeNano":1795253547127344085\}\n$/)
  expect(JSON.parse(line)).toMatchObject({ status: 'start', id: 'x', from: 'i', Type: 'container' })
})

test.each([
  [0.5, 'Less than a second'],
  [1.9, '1 second'],
  [59, '59 seconds'],
  [60, 'About a minute'],
  [3599, '59 minutes'],
  [3600, 'About an hour'],
  [47 * 3600, '47 hours'],
  [48 * 3600, '2 days'],
  [14 * 86400, '2 weeks'],
  [60 * 86400, '2 months'],
  [730 * 86400, '2 years'],
])('%d seconds: %s', (seconds, words) => expect(humanDuration(seconds)).toBe(words))

test('sizes have four digits', () => {
  expect([0, 999, 1982924, 204_000_000].map(humanSize)).toEqual(['0B', '999B', '1.983MB', '204MB'])
})

test('states are told as docker ps tells them', () => {
  const now = Date.parse('2026-01-01T01:00:00Z')
  const state = (part: Partial<ContainerState>) =>
    describeState(
      {
        startedAt: '2026-01-01T00:57:00Z',
        finishedAt: '2026-01-01T00:59:30Z',
        exitCode: 3,
        health: null,
        ...part,
      } as ContainerState,
      now,
    )
  expect(state({ status: 'running' })).toBe('Up 3 minutes')
  expect(state({ status: 'paused' })).toBe('Up 3 minutes (Paused)')
  expect(state({ status: 'exited' })).toBe('Exited (3) 30 seconds ago')
  expect(state({ status: 'restarting' })).toBe('Restarting (3) 30 seconds ago')
  expect(state({ status: 'created' })).toBe('Created')
  const health = (status: 'starting' | 'healthy') => ({ status, failingStreak: 0, log: [] })
  expect(state({ status: 'running', health: health('starting') })).toBe('Up 3 minutes (health: starting)')
  expect(state({ status: 'running', health: health('healthy') })).toBe('Up 3 minutes (healthy)')
})

test('progress has numbers for programs and a bar for people', () => {
  expect(encodeProgress({ status: 'Downloading', id: 'abc', current: 500_000, total: 1_000_000 })).toEqual({
    status: 'Downloading',
    id: 'abc',
    progressDetail: { current: 500_000, total: 1_000_000 },
    progress: `[${'='.repeat(25)}>${' '.repeat(25)}]    500kB/1MB`,
  })
  expect(encodeProgress({ status: 'Pull complete', id: 'abc' })).toEqual({
    status: 'Pull complete',
    progressDetail: {},
    id: 'abc',
  })
})

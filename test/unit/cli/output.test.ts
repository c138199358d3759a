/** What people read: sizes, durations, tables, JSON, ports, progress. */

import { describe, expect, test } from 'vitest'
import { showPorts } from '../../../src/cli/containers/ports.ts'
import { sampleOf } from '../../../src/cli/containers/stats-sample.ts'
import { bar } from '../../../src/cli/images/progress.ts'
import { goDate, goTimestamp, humanDuration, parseDuration } from '../../../src/cli/output/durations.ts'
import { indentJson } from '../../../src/cli/output/json.ts'
import { apiTimestamp } from '../../../src/cli/output/moments.ts'
import { binarySize, humanSize, parseSize, significant } from '../../../src/cli/output/sizes.ts'
import { align } from '../../../src/cli/output/table.ts'
import { ellipsis, shortId } from '../../../src/cli/output/text.ts'

test.each([
  [0, '0B', '0B'],
  [999, '999B', '999B'],
  [1000, '1kB', '1000B'],
  [1024, '1.024kB', '1KiB'],
  [1_983_000, '1.983MB', '1.891MiB'],
  [25_276_514_304, '25.28GB', '23.54GiB'],
  [1e15, '1PB', '909.5TiB'],
])('%d bytes are %s or %s', (bytes, decimal, binary) => {
  expect(humanSize(bytes)).toBe(decimal)
  expect(binarySize(bytes)).toBe(binary)
})

test('digits are counted as by %.3g', () => {
  expect(humanSize(1_983_000, 3)).toBe('1.98MB')
  expect(humanSize(36_900, 3)).toBe('36.9kB')
  expect([significant(999.9, 3), significant(0.5, 3), significant(100, 3)]).toEqual(['1e+03', '0.5', '100'])
})

test.each([
  ['512', 512],
  ['64m', 67_108_864],
  ['1.5G', 1_610_612_736],
  ['2kb', 2048],
  ['3KiB', 3072],
  ['1 t', 1_099_511_627_776],
  ['7b', 7],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each([
  ['1x', "invalid suffix: 'x'"],
  ['', "invalid size: ''"],
  ['m', "invalid size: 'm'"],
  ['-1', "invalid size: '-1'"],
  ['1.2.3m', "invalid size: '1.2.3m'"],
])('%s is no size', (text, message) => {
  expect(() => parseSize(text)).toThrow(message)
})

const MINUTE = 60
const HOUR = 3600
const DAY = 86_400
test.each([
  [0.9, 'Less than a second'],
  [1, '1 second'],
  [59, '59 seconds'],
  [MINUTE, 'About a minute'],
  [2 * MINUTE, '2 minutes'],
  [HOUR, 'About an hour'],
  [1.5 * HOUR, '2 hours'],
  [47 * HOUR, '47 hours'],
  [2 * DAY, '2 days'],
  [14 * DAY, '2 weeks'],
  [61 * DAY, '2 months'],
  [3 * 365 * DAY, '3 years'],
])('%d seconds are %s', (seconds, words) => {
  expect(humanDuration(seconds)).toBe(words)
})

describe('durations', () => {
  test.each([
    ['1h30m', 5_400e9],
    ['2.5s', 2.5e9],
    ['100ms', 1e8],
    ['1h0m0.5s', 3600.5e9],
    ['-1m', -60e9],
    ['0', 0],
    ['3us', 3000],
  ])('%s', (text, nanoseconds) => {
    expect(parseDuration(text)).toBe(nanoseconds)
  })

  test.each([
    ['', 'time: invalid duration ""'],
    ['x', 'time: invalid duration "x"'],
    ['5', 'time: missing unit in duration "5"'],
    ['5y', 'time: unknown unit "y" in duration "5y"'],
  ])('%s is none', (text, message) => {
    expect(() => parseDuration(text)).toThrow(message)
  })
})

describe('moments', () => {
  const now = 1_700_000_000_250
  test.each([
    ['42', '42'],
    ['1700000000.5', '1700000000.5'],
    ['10m', '1699999400.250000000'],
    ['1h30m', '1699994600.250000000'],
    ['2013-01-02T13:23:37Z', '1357133017.000000000'],
    ['2013-01-02T13:23:37.123456789Z', '1357133017.123456789'],
    ['2013-01-02T13:23:37+02:00', '1357125817.000000000'],
    ['2013-01-02T13:23Z', '1357132980.000000000'],
    ['2013-01-02Z', '1357084800.000000000'],
  ])('%s', (text, timestamp) => {
    expect(apiTimestamp(text, now)).toBe(timestamp)
  })

  test('what is none is refused', () => {
    expect(() => apiTimestamp('yesterday')).toThrow('failed to parse value as time or duration: "yesterday"')
    expect(() => apiTimestamp('2013-13-45T00:00:00Z')).toThrow('failed to parse value')
  })

  test('dates in Go’s forms', () => {
    expect(goDate('2025-05-30T12:07:14.000000000+00:00')).toBe('Fri May 30 12:07:14 2025')
    expect(goDate('2026-05-07T21:09:36Z')).toBe('Thu May  7 21:09:36 2026')
    expect(goDate('')).toBe('')
    expect(goTimestamp('2026-11-21T10:05:55.042086416Z')).toBe('2026-11-21 10:05:55.042086416 +0000 UTC')
  })
})

describe('tables', () => {
  test('columns are as wide as their widest cell and three more, but ten at least', () => {
    expect(align('A\tBB\tC\nlonger than ten\tb\tc\n')).toBe(
      'A                 BB        C\nlonger than ten   b         c\n',
    )
  })

  test('characters count, not bytes', () => {
    expect(align('é\tx\n')).toBe(`é${' '.repeat(9)}x\n`)
    expect(align('🐚\tx\n')).toBe(`🐚${' '.repeat(9)}x\n`)
  })

  test('a line without the column ends it', () => {
    expect(align('aaaaaaaaaaaa\tb\nno cells\nc\td\n')).toBe('aaaaaaaaaaaa   b\nno cells\nc         d\n')
  })
})

test('JSON is laid out without changing what it says', () => {
  const json = '{"a":[],"b":{},"big":9223372036854775807,"text":"a\\"{,}:[]\\\\","list":[1,{"c":null}]}'
  const laidOut = indentJson(`[${json}]`)
  expect(laidOut).toBe(`[
    {
        "a": [],
        "b": {},
        "big": 9223372036854775807,
        "text": "a\\"{,}:[]\\\\",
        "list": [
            1,
            {
                "c": null
            }
        ]
    }
]`)
  expect(JSON.parse(laidOut)).toEqual(JSON.parse(`[${json}]`))
})

test('ports are drawn together where they are neighbours', () => {
  const tcp = (PrivatePort: number, IP?: string, PublicPort?: number) => ({
    PrivatePort,
    Type: 'tcp',
    ...(IP && { IP, PublicPort }),
  })
  expect(showPorts([tcp(80, '0.0.0.0', 8080), tcp(80, '::', 8080)])).toBe('0.0.0.0:8080->80/tcp, [::]:8080->80/tcp')
  expect(showPorts([tcp(100), tcp(101), tcp(102), tcp(200)])).toBe('100-102/tcp, 200/tcp')
  expect(showPorts([tcp(91, '0.0.0.0', 91), tcp(90, '0.0.0.0', 90), tcp(53)])).toBe('53/tcp, 0.0.0.0:90-91->90-91/tcp')
  expect(showPorts([])).toBe('')
})

test('short forms', () => {
  expect(shortId(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('0123456789ab')
  expect(ellipsis('sleep 1000', 20)).toBe('sleep 1000')
  expect(ellipsis('a command that is long', 20)).toBe('a command that is l…')
})

test('bars show how much of how much', () => {
  const message = { progressDetail: { current: 50, total: 100 } }
  expect(bar(message, 200)).toBe(`[${'='.repeat(25)}>${' '.repeat(25)}]          50B/100B`)
  expect(bar({ progressDetail: { current: 2000 } }, 200).trim()).toBe('2kB')
  expect(bar({}, 200)).toBe('')
})

describe('statistics', () => {
  const cpu = (total: number, system: number) => ({
    cpu_usage: { total_usage: total },
    system_cpu_usage: system,
    online_cpus: 2,
  })

  test('two busy CPUs are 200 %, page cache is not memory', () => {
    const sample = sampleOf('web', {
      id: 'abc',
      name: '/web',
      cpu_stats: cpu(300, 1100),
      precpu_stats: cpu(200, 1000),
      memory_stats: { usage: 1000, limit: 2000, stats: { inactive_file: 500 } },
      networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
      blkio_stats: {
        io_service_bytes_recursive: [
          { op: 'Read', value: 5 },
          { op: 'write', value: 6 },
          { op: 'Total', value: 11 },
        ],
      },
      pids_stats: { current: 4 },
    })
    expect(sample).toMatchObject({
      cpuPercent: 200,
      memory: 500,
      memoryPercent: 25,
      received: 11,
      sent: 22,
      read: 5,
      written: 6,
      pids: 4,
      name: 'web',
    })
  })

  test('a container that does not run has nothing', () => {
    const nothing = { cpu_usage: { total_usage: 0 } }
    const sample = sampleOf('web', { cpu_stats: nothing, precpu_stats: nothing, memory_stats: {}, pids_stats: {} })
    expect(sample).toMatchObject({ cpuPercent: 0, memory: 0, memoryPercent: 0, pids: 0 })
  })
})

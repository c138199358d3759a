/** Reading json-file logs: the last lines of many files, intervals of time, and following through rotations. */

import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonFileAttributes } from '../../../src/containers/logs/attributes.ts'
import { LineReader } from '../../../src/containers/logs/files.ts'
import { LogFile } from '../../../src/containers/logs/log-file.ts'
import { type LogSource, readLog } from '../../../src/containers/logs/reader.ts'
import { rotationOf } from '../../../src/containers/logs/rotation.ts'
import type { ConfigRecord } from '../../../src/containers/store/record.ts'
import type { LogsRequest } from '../../../src/containers/types.ts'
import { formatNs } from '../../../src/kernel/clock.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-logs-'))
  path = join(folder, 'x-json.log')
})
afterEach(() => rm(folder, { recursive: true }))

const SECOND = 1_000_000_000n
/** Entry `number`, logged that many seconds after the epoch. */
const entry = (number: number, stream = 'stdout', attrs?: object): string =>
  `${JSON.stringify({ log: `line ${number}\n`, stream, ...(attrs && { attrs }), time: formatNs(BigInt(number) * SECOND) })}\n`
const entries = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => entry(from + index)).join('')

const ALL: LogsRequest = {
  stdout: true,
  stderr: true,
  follow: false,
  timestamps: false,
  details: false,
  sinceNs: null,
  untilNs: null,
  tail: null,
}

async function read(request: Partial<LogsRequest> = {}, source: Partial<LogSource> = {}): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of readLog({ path, maxFiles: 5, tty: true, ended: null, ...source }, { ...ALL, ...request }))
    chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join('')

describe('what was logged', () => {
  it('comes out of all files, the oldest first', async () => {
    await writeFile(`${path}.2`, entries(1, 3))
    await writeFile(`${path}.1`, entries(4, 5))
    await writeFile(path, entries(6, 9))
    expect(await read()).toBe(lines(1, 9))
  })

  it('can be asked for from the end, across files and blocks', async () => {
    await writeFile(`${path}.1`, entries(1, 3000))
    await writeFile(path, entries(3001, 6000))
    for (const tail of [0, 1, 2, 2999, 3000, 3001, 5999, 6000, 7000])
      expect(await read({ tail }), `tail ${tail}`).toBe(tail === 0 ? '' : lines(Math.max(1, 6001 - tail), 6000))
  })

  it('can be asked for by time and stream', async () => {
    await writeFile(path, entries(1, 5) + entry(6, 'stderr') + entries(7, 9))
    expect(await read({ sinceNs: 4n * SECOND, untilNs: 7n * SECOND })).toBe(lines(4, 7))
    expect(await read({ stdout: false })).toBe('line 6\n')
  })

  it('shows times with nine digits, and attributes in the order of their names', async () => {
    await writeFile(path, entry(1, 'stdout', { b: '2', a: 'x y' }))
    expect(await read({ timestamps: true, details: true })).toBe('1970-01-01T00:00:01.000000000Z a=x%20y,b=2 line 1\n')
  })

  it('is framed line by line where there is no terminal', async () => {
    await writeFile(path, entry(1) + entry(2, 'stderr'))
    const framed = await read({}, { tty: false })
    expect(Buffer.from(framed).toString('hex')).toBe(
      Buffer.concat([
        Buffer.from([1, 0, 0, 0, 0, 0, 0, 7]),
        Buffer.from('line 1\n'),
        Buffer.from([2, 0, 0, 0, 0, 0, 0, 7]),
        Buffer.from('line 2\n'),
      ]).toString('hex'),
    )
  })

  it('leaves out an entry that a power cut has cut off', async () => {
    await writeFile(path, `${entry(1)}${entry(2).slice(0, 20)}`)
    expect(await read()).toBe('line 1\n')
  })

  it('is nothing where nothing was logged', async () => expect(await read()).toBe(''))
})

describe('what is being logged', () => {
  it('comes as it is written, through rotations, until the end', async () => {
    await writeFile(path, entries(1, 2))
    let end: () => void = () => {}
    const ended = new Promise<void>(resolve => {
      end = resolve
    })
    const output: string[] = []
    const stream = readLog({ path, maxFiles: 3, tty: true, ended }, { ...ALL, follow: true, tail: 1 })
    const until = (words: string) =>
      new Promise<void>(resolve => {
        const look = () => {
          if (!output.join('').includes(words)) return
          stream.off('data', look)
          resolve()
        }
        stream.on('data', look)
        look()
      })
    stream.on('data', chunk => output.push(String(chunk)))
    await until('line 2')
    await appendFile(path, entry(3))
    await until('line 3')
    // Two rotations before the reader looks again: nothing may be lost.
    await appendFile(path, entry(4))
    await rename(path, `${path}.1`)
    await writeFile(path, entry(5))
    await rename(`${path}.1`, `${path}.2`)
    await rename(path, `${path}.1`)
    await writeFile(path, entry(6))
    await until('line 6')
    await appendFile(path, entry(7))
    const closed = new Promise(resolve => stream.once('close', resolve))
    end()
    await closed
    expect(output.join('')).toBe(lines(2, 7))
  })

  it('is not taken for truncated where it was compressed before a follower came to it', async () => {
    await writeFile(`${path}.1.gz`, gzipSync(entries(1, 1000)))
    const reader = new LineReader(LogFile.open(`${path}.1`)!, 0)
    let count = 0
    for (let lines = await reader.next(); lines.length > 0; lines = await reader.next()) count += lines.length
    expect([count, reader.restartIfTruncated()]).toEqual([1000, false])
    reader.file.close()
  })

  it('goes on in a file that was truncated', async () => {
    await writeFile(path, entries(1, 9))
    let end: () => void = () => {}
    const ended = new Promise<void>(resolve => {
      end = resolve
    })
    const output: string[] = []
    const stream = readLog({ path, maxFiles: 1, tty: true, ended }, { ...ALL, follow: true })
    const seen = (text: string) =>
      new Promise<void>(resolve => stream.on('data', chunk => String(chunk).includes(text) && resolve()))
    stream.on('data', chunk => output.push(String(chunk)))
    await seen('line 9')
    await truncate(path, 0)
    const again = seen('line 10')
    await appendFile(path, entry(10))
    await again
    end()
    await new Promise(resolve => stream.once('close', resolve))
    expect(output.join('')).toBe(lines(1, 10))
  })
})

const rotation = (type: string, config: Record<string, string> = {}) => rotationOf({ type, config })

describe('log options', () => {
  it('are Docker’s', () => {
    expect(rotation('json-file')).toEqual({ maxBytes: null, maxFiles: 1, compress: false })
    // Sizes of files are decimal to Docker.
    const options = { 'max-size': '10m', 'max-file': '3', compress: 'true' }
    expect(rotation('json-file', options)).toEqual({ maxBytes: 10_000_000, maxFiles: 3, compress: true })
    expect(rotation('local')).toEqual({ maxBytes: 20 * 1024 ** 2, maxFiles: 5, compress: true })
    expect(rotation('syslog', { 'cache-max-size': '1k' })).toEqual({ maxBytes: 1000, maxFiles: 5, compress: true })
    expect(rotation('syslog', { 'cache-disabled': 'true' })).toBeNull()
    expect(rotation('none')).toBeNull()
    expect(() => rotation('json-file', { 'max-file': '0' })).toThrow('max-file cannot be less than 1')
    expect(() => rotation('json-file', { 'max-size': 'x' })).toThrow("invalid size: 'x'")
    expect(rotation('json-file', { 'max-file': '3' })).toEqual({ maxBytes: null, maxFiles: 3, compress: false })
  })

  it('select labels and variables, and expand the tag', () => {
    const options = { labels: 'a,c', 'env-regex': '^X', tag: '{{.Name}}/{{ .ID }} {{.ImageID}} {{.Command}}' }
    const record = {
      id: 'f'.repeat(64),
      name: 'web',
      imageId: `sha256:${'1'.repeat(64)}`,
      path: 'sh',
      args: ['-c', 'x'],
      config: { labels: { a: '1', b: '2' }, env: ['X1=y', 'Z=1'], image: 'busybox' },
    } as unknown as ConfigRecord
    const tag = 'web/ffffffffffff sha256:11111 sh -c x'
    expect(jsonFileAttributes(options, record)).toEqual({ a: '1', X1: 'y', tag })
    expect(jsonFileAttributes({}, record)).toBeNull()
  })
})

/** The client's own logic: addresses, versions, frames, lines. */

import { PassThrough, Readable, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { chooseAddress, parseAddress } from '../../../src/client/address.ts'
import { demultiplex } from '../../../src/client/demultiplex.ts'
import { compareVersions } from '../../../src/client/engine.ts'
import { connectionError } from '../../../src/client/errors.ts'
import { jsonLines } from '../../../src/client/json-lines.ts'
import { segment } from '../../../src/client/paths.ts'

describe('addresses', () => {
  test.each([
    ['unix:///tmp/s', { socketPath: '/tmp/s' }],
    ['unix://', { socketPath: '/run/skiff/skiff.sock' }],
    ['tcp://host', { host: 'host', port: 2375, basePath: '' }],
    ['tcp://host:1/base/', { host: 'host', port: 1, basePath: '/base' }],
    ['http://[::1]:99', { host: '::1', port: 99 }],
    ['host:5', { text: 'tcp://host:5', host: 'host', port: 5 }],
    [':7', { host: '127.0.0.1', port: 7 }],
  ])('%s', (text, expected) => {
    expect(parseAddress(text)).toMatchObject(expected)
  })

  test('others are refused by name', () => {
    expect(() => parseAddress('ssh://host')).toThrow('the scheme ssh:// is not supported')
    expect(() => parseAddress('tcp://a:b:c')).toThrow('invalid bind address')
  })

  test('the command line wins over SKIFF_HOST, that over DOCKER_HOST', () => {
    const env = { SKIFF_HOST: 'unix:///s', DOCKER_HOST: 'unix:///d' }
    expect(chooseAddress(['unix:///h'], env).text).toBe('unix:///h')
    expect(chooseAddress([], env).text).toBe('unix:///s')
    expect(chooseAddress([], { DOCKER_HOST: 'unix:///d' }).text).toBe('unix:///d')
    expect(chooseAddress([], {}).text).toBe('unix:///run/skiff/skiff.sock')
    expect(() => chooseAddress(['a', 'b'], {})).toThrow('Specify only one -H')
  })
})

test('versions are compared by number', () => {
  expect(compareVersions('1.9', '1.41')).toBeLessThan(0)
  expect(compareVersions('2.0', '1.41')).toBeGreaterThan(0)
  expect(compareVersions('1.47', '1.47')).toBe(0)
})

test('a failed connection says what can be done', () => {
  const failure = (code: string) => connectionError(Object.assign(new Error('x'), { code }), 'unix:///s').message
  expect(failure('ENOENT')).toBe('Cannot connect to the skiff daemon at unix:///s. Is the skiff daemon running?')
  expect(failure('EACCES')).toContain('permission denied')
  expect(failure('ECONNRESET')).toBe('error during connect: unix:///s: x')
})

test('names of images stay readable in paths, what would end a path does not', () => {
  expect(segment('host:5000/a/b@sha256:1')).toBe('host:5000/a/b@sha256:1')
  expect(segment('a?b#c d')).toBe('a%3Fb%23c%20d')
})

const frame = (stream: number, text: string): Buffer => {
  const header = Buffer.alloc(8)
  header.writeUInt8(stream, 0)
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

describe('frames', () => {
  const split = async (bytes: Buffer, size: number) => {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    )
    const [out, err] = [new PassThrough(), new PassThrough()]
    await demultiplex(Readable.from(chunks), out, err)
    return [out.read()?.toString() ?? '', err.read()?.toString() ?? '']
  }
  const bytes = Buffer.concat([frame(1, 'one '), frame(2, 'err'), frame(1, ''), frame(1, 'two')])

  test.each([1, 3, 8, 9, 1000])('come apart however they arrive: %d bytes at a time', async size => {
    expect(await split(bytes, size)).toEqual(['one two', 'err'])
  })

  test.each([1, 8, 11, 1000])('the exit code of an exec comes last: %d bytes at a time', async size => {
    const code = Buffer.from(frame(4, '0000'))
    code.writeInt32BE(137, 8)
    const all = Buffer.concat([frame(1, 'out'), code])
    const chunks = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
      all.subarray(i * size, (i + 1) * size),
    )
    const out = new PassThrough()
    expect(await demultiplex(Readable.from(chunks), out, out)).toBe(137)
    expect(out.read()?.toString()).toBe('out')
  })

  test('a stream without one has none', async () => {
    expect(await demultiplex(Readable.from([frame(1, 'x')]), new PassThrough(), new PassThrough())).toBeUndefined()
  })

  test('an error of the daemon is thrown', async () => {
    await expect(split(frame(3, 'broken'), 5)).rejects.toThrow('error from daemon in stream: broken')
  })

  test('a stream that is none is refused', async () => {
    await expect(split(frame(9, 'x'), 100)).rejects.toThrow('Unrecognized input header: 9')
  })

  test('a slow sink is waited for', async () => {
    let most = 0
    let taken = 0
    const slow = new Writable({
      highWaterMark: 1,
      write: (chunk, _encoding, done) => {
        most = Math.max(most, slow.writableLength)
        taken += chunk.length
        setImmediate(done)
      },
    })
    await demultiplex(Readable.from(Array.from({ length: 50 }, () => frame(1, 'x'.repeat(1000)))), slow, slow)
    await new Promise(resolve => slow.end(resolve))
    expect(taken).toBe(50_000)
    expect(most).toBeLessThanOrEqual(2000)
  })
})

test('JSON lines come as they end, in whatever pieces', async () => {
  const text = '{"a":"é"}\n\n{"b":2}\r\n{"c":3}'
  const bytes = [...Buffer.from(text)].map(byte => Buffer.from([byte]))
  const values: unknown[] = []
  for await (const value of jsonLines(Readable.from(bytes))) values.push(value)
  expect(values).toEqual([{ a: 'é' }, { b: 2 }, { c: 3 }])
})

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { InvalidParameter } from '../../../src/kernel/errors.ts'
import { decompress } from '../../../src/snapshots/tar/decompress.ts'
import { bytesOf, inChunks } from '../../support/layer-room.ts'

// Larger than any window, and neither random nor regular throughout.
const CONTENT = Buffer.concat([randomBytes(300_000), Buffer.alloc(1_000_000, 'layer '), randomBytes(300_000)])
const TOOLS = { gzip: ['gzip', '-c'], zstd: ['zstd', '-c'], bzip2: ['bzip2', '-c'], xz: ['xz', '-c'] } as const
const FORMATS = Object.keys(TOOLS) as (keyof typeof TOOLS)[]

const compressed = (format: keyof typeof TOOLS, content = CONTENT): Buffer => {
  const [program, ...args] = TOOLS[format]
  return execFileSync(program, args, { input: content, maxBuffer: 64 << 20, stdio: ['pipe', 'pipe', 'ignore'] })
}

async function decoded(bytes: Buffer, chunkSize?: number) {
  const { compression, content } = await decompress(inChunks(bytes, chunkSize))
  return { compression, bytes: await bytesOf(content) }
}

describe('decompress', () => {
  it('leaves what is not compressed alone, however short', async () => {
    for (const text of ['', 'a', 'BZ', 'some text']) {
      expect(await decoded(Buffer.from(text))).toEqual({ compression: 'none', bytes: Buffer.from(text) })
    }
  })

  it.each(FORMATS)('%s, as its own program writes it', async format => {
    const { compression, bytes } = await decoded(compressed(format))
    expect(compression).toBe(format)
    expect(bytes.equals(CONTENT)).toBe(true)
  })

  it.each(FORMATS)('%s in single bytes at the start', async format => {
    const { bytes } = await decoded(compressed(format, Buffer.from('short')), 1)
    expect(bytes.toString()).toBe('short')
  })

  it.each(FORMATS)('%s of two streams one after the other', async format => {
    const { bytes } = await decoded(
      Buffer.concat([compressed(format, Buffer.from('one ')), compressed(format, Buffer.from('two'))]),
    )
    expect(bytes.toString()).toBe('one two')
  })

  // Where a decoder's buffer is just full, nothing more is to come of the frame.
  it.each(FORMATS)('%s of just so many bytes as decoders give at once', async format => {
    for (const length of [128 << 10, 256 << 10, 1 << 20]) {
      const content = Buffer.alloc(length, 'layer ')
      expect((await decoded(compressed(format, content))).bytes.equals(content)).toBe(true)
    }
  })

  it.each(FORMATS)('%s that ends early is refused', async format => {
    const whole = compressed(format)
    for (const length of [8, 1000, whole.length - 4]) {
      await expect(decoded(whole.subarray(0, length))).rejects.toThrow(InvalidParameter)
    }
  })

  it.each(FORMATS)('%s that is broken is refused', async format => {
    const broken = Buffer.from(compressed(format))
    broken.fill(0x55, 2000, 2200)
    await expect(decoded(broken)).rejects.toThrow(InvalidParameter)
  })

  it.each(['none', 'gzip', 'zstd'] as const)('%s: a reader that has enough ends the source', async format => {
    const whole = format === 'none' ? CONTENT : compressed(format, randomBytes(4_000_000))
    let tell = (): void => {}
    const ended = new Promise<void>(resolve => {
      tell = resolve
    })
    const { content } = await decompress(
      (async function* () {
        try {
          for (;;) yield whole.subarray(0, 200_000)
        } finally {
          tell()
        }
      })(),
    )
    for await (const _ of content) break
    await ended
  })

  it('passes the failure of its source on as it is', async () => {
    const failure = new Error('connection reset')
    const whole = compressed('gzip')
    const { content } = await decompress(
      (async function* () {
        yield whole.subarray(0, 1000)
        throw failure
      })(),
    )
    await expect(bytesOf(content)).rejects.toBe(failure)
  })
})

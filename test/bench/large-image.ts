/** An image of 1.25 GB: as an archive of `docker save`, as a root file system, and as blobs in a registry, compressed in every way. */

import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fixture } from '../support/images.ts'
import { type Blob, putImage } from './put-image.ts'

const run = promisify(execFile)
const MB = 1e6

/** Each layer's files, by how many and how long; 6,000 small ones are what an image of a distribution has. */
const LAYERS = [
  [{ count: 1, size: 600 * MB }],
  [
    { count: 6000, size: 25_000 },
    { count: 20, size: 5 * MB },
  ],
  [{ count: 4, size: 50 * MB }],
  [{ count: 1, size: 200 * MB }],
]

const COMPRESSIONS = {
  uncompressed: { command: 'cat', type: 'application/vnd.oci.image.layer.v1.tar' },
  gzip: { command: 'gzip -1', type: 'application/vnd.oci.image.layer.v1.tar+gzip' },
  zstd: { command: 'zstd -q -1', type: 'application/vnd.oci.image.layer.v1.tar+zstd' },
} as const
export type Compressed = keyof typeof COMPRESSIONS

export class LargeImage {
  readonly #config: Buffer

  private constructor(
    readonly folder: string,
    private readonly layers: readonly Blob[],
  ) {
    const config = {
      architecture: arch() === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      config: { Cmd: ['sh'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
      history: layers.map((_, index) => ({ created: '2026-01-01T00:00:00Z', created_by: `step ${index}` })),
    }
    this.#config = Buffer.from(JSON.stringify(config))
  }

  /** Writes it into a folder that is there; takes half a minute. */
  static async make(folder: string): Promise<LargeImage> {
    const tars = [await fixture('busybox.tar')]
    for (const [index, files] of LAYERS.entries()) {
      const root = join(folder, `layer${index}`)
      for (const { count, size } of files) {
        const into = join(root, `data${index}/of-${size}`)
        await mkdir(into, { recursive: true })
        for (let number = 0; number < count; number++) await writeSome(join(into, `${number}`), size)
      }
      await run('tar', ['-C', root, '--numeric-owner', '-cf', `${root}.tar`, '.'])
      await rm(root, { recursive: true })
      tars.push(`${root}.tar`)
    }
    return new LargeImage(folder, await Promise.all(tars.map(path => blob(path, COMPRESSIONS.uncompressed.type))))
  }

  get size(): number {
    return this.layers.reduce((sum, { size }) => sum + size, 0)
  }

  /** All of it as one tar, for import. */
  async rootArchive(): Promise<string> {
    const path = join(this.folder, 'root.tar')
    await run('sh', ['-c', 'cat "$@" >"$0"', path, this.layers[0]!.path])
    for (const layer of this.layers.slice(1)) await run('tar', ['-Af', path, layer.path])
    return path
  }

  /** What `docker load` takes. */
  async saved(name: string): Promise<string> {
    const folder = join(this.folder, 'saved')
    await mkdir(folder)
    for (const [index, { path }] of this.layers.entries()) await run('ln', ['-s', path, join(folder, `${index}.tar`)])
    const Layers = this.layers.map((_, index) => `${index}.tar`)
    await writeFile(join(folder, 'config.json'), this.#config)
    await writeFile(
      join(folder, 'manifest.json'),
      JSON.stringify([{ Config: 'config.json', RepoTags: [`${name}:latest`], Layers }]),
    )
    await run('tar', ['-C', folder, '-chf', `${folder}.tar`, 'manifest.json', 'config.json', ...Layers])
    return `${folder}.tar`
  }

  /** Puts it into a registry, as HOST/NAME:latest. */
  async putInto(host: string, name: string, how: Compressed): Promise<void> {
    const { command, type } = COMPRESSIONS[how]
    const stored: Blob[] = []
    for (const { path } of this.layers) {
      const compressed = join(this.folder, `${stored.length}.${how}`)
      await run('sh', ['-c', `${command} <"$0" >"$1"`, path, `${compressed}.part`])
      await rename(`${compressed}.part`, compressed)
      stored.push(await blob(compressed, type))
    }
    await putImage(host, name, this.#config, stored)
    for (const { path } of stored) await rm(path)
  }
}

/** A third cannot be compressed, so that compressors take it fast and are not idle either. */
async function writeSome(path: string, size: number): Promise<void> {
  const piece = Buffer.alloc(Math.min(size, MB), 'what an image is mostly full of: text, again and again\n')
  const file = await open(path, 'wx')
  for (let at = 0; at < size; at += piece.length) {
    randomBytes(Math.trunc(piece.length / 3)).copy(piece)
    await file.write(piece, 0, Math.min(piece.length, size - at))
  }
  await file.close()
}

async function blob(path: string, type: string): Promise<Blob> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: MB })) hash.update(chunk as Buffer)
  return { path, type, digest: `sha256:${hash.digest('hex')}`, size: (await stat(path)).size }
}

/** A build context: a Dockerfile, and one of the layers as a file. */
export async function buildContext({ folder }: LargeImage): Promise<string> {
  const path = join(folder, 'context.tar')
  const dockerfile = 'FROM large\nCOPY layer0.tar /copied\nRUN cp /copied /again\n'
  await writeFile(join(folder, 'Dockerfile'), dockerfile)
  await run('tar', ['-C', folder, '-cf', path, 'Dockerfile', 'layer0.tar'])
  return path
}

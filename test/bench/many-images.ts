/** An archive as `docker save` writes it, of many images with many small layers, none of them shared. */

import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'

export const IMAGES = 30
export const LAYERS = 400

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

async function layer(number: number): Promise<Buffer> {
  const archive = pack()
  for (let file = 0; file < 5; file++)
    archive.entry({ name: `layer${number}/file${file}` }, `${number} ${file}\n`.repeat(200))
  archive.finalize()
  return buffer(archive)
}

/** `GET /images/get` of all of them. */
export async function manyImages(): Promise<Buffer> {
  const archive = pack()
  const written = buffer(archive)
  const manifest: object[] = []
  let next = 0
  for (let image = 0; image < IMAGES; image++) {
    const end = Math.round(((image + 1) * LAYERS) / IMAGES)
    const layers: { name: string; digest: string }[] = []
    for (; next < end; next++) {
      const bytes = await layer(next)
      const digest = sha256(bytes)
      layers.push({ name: `${digest}/layer.tar`, digest: `sha256:${digest}` })
      archive.entry({ name: `${digest}/layer.tar` }, bytes)
    }
    const config = Buffer.from(
      JSON.stringify({
        architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
        os: 'linux',
        created: '2026-01-01T00:00:00Z',
        config: { Cmd: ['sh'], Labels: { number: String(image) } },
        rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
        history: layers.map((_, index) => ({ created: '2026-01-01T00:00:00Z', created_by: `step ${index}` })),
      }),
    )
    const name = `${sha256(config)}.json`
    archive.entry({ name }, config)
    manifest.push({ Config: name, RepoTags: [`many${image}:latest`], Layers: layers.map(({ name }) => name) })
  }
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest))
  archive.finalize()
  return written
}

/** Builds over the API: contexts in memory, Docker's stream of lines, and what an image came to. */

import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import { extract, type Header, pack } from 'tar-stream'
import type { Json } from './client.ts'
import type { Engine } from './engine.ts'

/** Content by path; a path that ends with a slash is a folder. */
export type Files = Readonly<Record<string, string | Buffer | Partial<Header>>>

/** An archive as `docker build` sends it. Times are fixed: the same files are the same bytes. */
export async function contextOf(files: Files): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) {
    const mtime = new Date(1_600_000_000_000)
    if (name.endsWith('/')) archive.entry({ name, type: 'directory', mode: 0o755, mtime, ...(content as object) })
    else if (typeof content === 'string' || Buffer.isBuffer(content)) {
      const mode = name.endsWith('.sh') ? 0o755 : 0o644
      archive.entry({ name, mode, mtime, size: Buffer.byteLength(content) }, content)
    } else if (content.type === undefined) archive.entry({ name, mtime, ...content }, '')
    else archive.entry({ name, mtime, ...content } as Header)
  }
  archive.finalize()
  return buffer(Readable.from(archive))
}

export interface Built {
  /** The HTTP status; the stream is empty unless it is 200. */
  status: number
  lines: Json[]
  /** All text of the stream, without colours. */
  output: string
  /** '' if it failed. */
  id: string
  error: string
  code: number | undefined
}

export interface BuildOptions {
  query?: Record<string, string | object | boolean | number | string[]>
  headers?: Record<string, string>
}

export async function build(
  engine: Engine,
  files: Files,
  { query = {}, headers = {} }: BuildOptions = {},
): Promise<Built> {
  const answer = await engine.api.request('POST', '/build', {
    query,
    body: await contextOf(files),
    headers: { 'Content-Type': 'application/x-tar', ...headers },
  })
  if (answer.status !== 200) {
    return {
      status: answer.status,
      lines: [],
      output: '',
      id: '',
      error: answer.json?.message ?? answer.text,
      code: undefined,
    }
  }
  const lines = answer.text
    .split('\r\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
  const failed = lines.find(line => line.errorDetail)
  return {
    status: 200,
    lines,
    output: stripVTControlCharacters(lines.map(line => line.stream ?? '').join('')),
    // Docker tells of each stage.
    id: lines.findLast(line => line.aux?.ID)?.aux.ID ?? '',
    error: failed?.errorDetail.message ?? '',
    code: failed?.errorDetail.code,
  }
}

/** Builds, and fails with the stream if that fails. Answers the image's ID. */
export async function buildOk(engine: Engine, files: Files, options: BuildOptions = {}): Promise<string> {
  const { id, error, output } = await build(engine, files, options)
  if (id === '') throw new Error(`${engine.name}: the build failed: ${error}\n${output}`)
  return id
}

/** What every engine puts into each container. */
const FURNITURE = /^(dev|proc|sys|etc\/(hosts|hostname|resolv\.conf|mtab)|\.dockerenv)(\/|$)/

/** Each file of an image as a line: mode, owner, size, content; the time of files, not of folders. */
export async function treeOf(engine: Engine, image: string): Promise<string[]> {
  const { Id } = await engine.api.post('/containers/create', { Image: image, Cmd: ['none'] })
  const archive = await engine.api.stream('GET', `/containers/${Id}/export`)
  const lines: string[] = []
  const reader = extract()
  Readable.from(archive).pipe(reader as unknown as NodeJS.WritableStream)
  for await (const entry of reader) {
    const { name, type, mode = 0, uid, gid, size, linkname, mtime } = entry.header
    const path = name.replace(/^\.?\//, '').replace(/\/$/, '')
    const hash = createHash('sha256')
      .update(await buffer(Readable.from(entry)))
      .digest('hex')
      .slice(0, 12)
    if (path === '' || FURNITURE.test(path)) continue
    // Of what a command has made the time says nothing.
    const isOld = type === 'file' && (mtime?.getTime() ?? 0) < Date.now() - 3600_000
    const time = isOld ? ` ${mtime?.toISOString()}` : ''
    lines.push(
      `${path} ${type} ${(mode & 0o7777).toString(8)} ${uid}:${gid} ${size ?? 0} ${linkname ?? ''} ${hash}${time}`,
    )
  }
  await engine.api.delete(`/containers/${Id}`)
  return lines.sort()
}

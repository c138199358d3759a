/** What a path in a container is, as HEAD and GET of archive tell it. */

import type { IncomingMessage } from 'node:http'
import { posix } from 'node:path'
import type { Engine } from '../../client/engine.ts'
import { segment } from '../../client/paths.ts'

export interface PathStat {
  readonly name: string
  readonly size: number
  /** Go's os.FileMode: the type is in the upper bits. */
  readonly mode: number
  readonly linkTarget: string
}

const MODE_DIRECTORY = 0x80000000
const MODE_SYMLINK = 0x08000000

// >>> 0: JavaScript's & is signed, and the directory bit is the sign.
export const isDirectory = ({ mode }: PathStat): boolean => (mode & MODE_DIRECTORY) >>> 0 !== 0
export const isSymlink = ({ mode }: PathStat): boolean => (mode & MODE_SYMLINK) !== 0

const archivePath = (container: string): string => `/containers/${segment(container)}/archive`

function readStat(response: IncomingMessage): PathStat {
  const header = String(response.headers['x-docker-container-path-stat'] ?? '')
  return JSON.parse(Buffer.from(header, 'base64').toString()) as PathStat
}

/** @throws ApiError 404 when there is none */
export async function statPath(engine: Engine, container: string, path: string): Promise<PathStat> {
  const response = await engine.request('HEAD', archivePath(container), { query: { path } })
  response.resume()
  return readStat(response)
}

export async function readArchive(
  engine: Engine,
  container: string,
  path: string,
): Promise<{ stream: IncomingMessage; stat: PathStat }> {
  const stream = await engine.request('GET', archivePath(container), { query: { path } })
  return { stream, stat: readStat(stream) }
}

export async function writeArchive(
  engine: Engine,
  container: string,
  path: string,
  body: NodeJS.ReadableStream,
  copyOwner: boolean,
): Promise<void> {
  await engine.call('PUT', archivePath(container), {
    query: { path, noOverwriteDirNonDir: 'true', copyUIDGID: copyOwner ? 'true' : undefined },
    headers: { 'Content-Type': 'application/x-tar' },
    body: body as import('node:stream').Readable,
  })
}

/** Where a link in a container points, from the container's root. */
export const linkTarget = (path: string, { linkTarget }: PathStat): string =>
  posix.isAbsolute(linkTarget) ? linkTarget : posix.join(posix.dirname(path), linkTarget)

/** What is sent for a build: the files of a folder without those that .dockerignore names, an archive, or a Dockerfile alone. */

import { open, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import dockerignore from '@balena/dockerignore'
import { openFile } from '../commands/import.ts'
import { type PackedTree, packTrees } from '../copy/pack.ts'
import { openFailure } from '../create/environment.ts'
import { CommandError } from '../errors.ts'
import type { Session } from '../session.ts'

export interface BuildContext {
  /** URL that the daemon fetches; '' otherwise. */
  remote: string
  body: Readable
  /** The Dockerfile's text; null: it is in the context, under `dockerfile`. */
  inline: string | null
  dockerfile: string
  /** For people. */
  shownFile: string
  /** Where the main context is in the archive. */
  folder: string
  isClean: boolean
  /** Further contexts, where they are in the archive. */
  named: Record<string, { folder: string; image: string }>
}

const EMPTY_ARCHIVE = Buffer.alloc(1024)
const MAIN = 'context'

/** @throws CommandError */
export async function openContext(
  session: Session,
  path: string,
  file: string,
  named: ReadonlyMap<string, string>,
): Promise<BuildContext> {
  if (path === '-' && file === '-')
    throw new CommandError("invalid argument: can't use stdin for both build context and dockerfile")
  if (isGit(path))
    throw new CommandError(`${path} is a git repository, which skiff does not fetch: clone it and build the folder`)
  const base = { remote: '', dockerfile: file, shownFile: file || 'Dockerfile', folder: '', isClean: false, named: {} }
  const inline = file === '-' ? (await buffer(session.stdin)).toString('utf8') : null
  if (/^https?:\/\//.test(path))
    return { ...base, remote: path, body: archiveOf(EMPTY_ARCHIVE), inline, dockerfile: inline === null ? file : '' }
  if (path === '-') return fromStdin(session, base)
  const place = resolve(session.cwd, path)
  if (!(await isFolder(place, path))) return { ...base, body: await openFile(session, path), inline }
  return fromFolder(session, place, file, inline, named)
}

const isGit = (path: string): boolean =>
  /^(git:\/\/|git@|ssh:\/\/)|^https?:\/\/.*\.git(#.*)?$|^github\.com\//.test(path)
const archiveOf = (bytes: Buffer): Readable => Readable.from([bytes], { objectMode: false })

async function isFolder(place: string, shown: string): Promise<boolean> {
  try {
    return (await stat(place)).isDirectory()
  } catch {
    throw new CommandError(`unable to prepare context: path ${JSON.stringify(shown)} not found`)
  }
}

/** An archive, or a Dockerfile. */
async function fromStdin(session: Session, base: Omit<BuildContext, 'body' | 'inline'>): Promise<BuildContext> {
  const chunks: Buffer[] = []
  const source = session.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let length = 0
  while (length < 512) {
    const { value, done } = await source.next()
    if (done) break
    chunks.push(value)
    length += value.length
  }
  const start = Buffer.concat(chunks)
  const rest = async function* (): AsyncGenerator<Buffer> {
    yield start
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value
  }
  if (isArchive(start)) return { ...base, body: Readable.from(rest(), { objectMode: false }), inline: null }
  const text = await buffer(Readable.from(rest(), { objectMode: false }))
  return {
    ...base,
    body: archiveOf(EMPTY_ARCHIVE),
    inline: text.toString('utf8'),
    dockerfile: '',
    shownFile: 'Dockerfile',
  }
}

const MAGIC = ['1f8b', '28b52ffd', '425a68', 'fd377a585a00']
const isArchive = (start: Buffer): boolean =>
  MAGIC.some(magic => start.subarray(0, 6).toString('hex').startsWith(magic)) ||
  start.subarray(257, 262).toString() === 'ustar'

async function fromFolder(
  session: Session,
  place: string,
  file: string,
  stdin: string | null,
  named: ReadonlyMap<string, string>,
): Promise<BuildContext> {
  const path = file === '' ? await defaultFile(place) : resolve(session.cwd, file)
  const [inline, patterns] = await Promise.all([
    stdin ?? readText(path, file || 'Dockerfile'),
    ignorePatterns(place, stdin === null ? path : null),
  ])
  const owner = { uid: 0, gid: 0 }
  const trees: PackedTree[] = [{ path: place, name: named.size > 0 ? MAIN : '.', skip: skipper(patterns), owner }]
  const contexts: BuildContext['named'] = {}
  for (const [name, source] of named) {
    if (source.startsWith('docker-image://'))
      contexts[name] = { folder: '', image: source.slice('docker-image://'.length) }
    else {
      const folder = `named/${Object.keys(contexts).length}`
      contexts[name] = { folder, image: '' }
      trees.push({ path: await namedFolder(session, name, source), name: folder, owner })
    }
  }
  const inside = relative(place, path)
  const shownFile = stdin !== null ? 'Dockerfile' : inside.startsWith('..') ? basename(path) : inside
  const folder = named.size > 0 ? MAIN : ''
  return {
    remote: '',
    body: packTrees(trees),
    inline,
    dockerfile: shownFile,
    shownFile,
    folder,
    isClean: true,
    named: contexts,
  }
}

async function namedFolder(session: Session, name: string, source: string): Promise<string> {
  const place = resolve(session.cwd, source)
  const isThere = await stat(place).then(
    stats => stats.isDirectory(),
    () => false,
  )
  if (isThere) return place
  throw new CommandError(`failed to get build context ${name}: ${source} is no folder (images are docker-image://NAME)`)
}

async function defaultFile(place: string): Promise<string> {
  const usual = join(place, 'Dockerfile')
  for (const path of [usual, join(place, 'dockerfile')]) {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return usual
}

async function readText(path: string, shown: string): Promise<string> {
  try {
    const handle = await open(path, 'r')
    try {
      return await handle.readFile('utf8')
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new CommandError(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: ${openFailure(shown, error)}`,
    )
  }
}

/** A Dockerfile's own list goes before the folder's. Dockerfile reference, ".dockerignore file". */
async function ignorePatterns(place: string, dockerfile: string | null): Promise<string[]> {
  const candidates = [...(dockerfile === null ? [] : [`${dockerfile}.dockerignore`]), join(place, '.dockerignore')]
  const texts = await Promise.all(candidates.map(readIfThere))
  const text = texts.find(text => text !== null) ?? ''
  return text.split(/\r?\n/).filter(line => line.trim() !== '')
}

const readIfThere = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new CommandError(openFailure(path, error))
  })

function skipper(patterns: readonly string[]): NonNullable<PackedTree['skip']> {
  if (patterns.length === 0) return below => (below === '' ? 'inside' : false)
  const ignore = dockerignore.default({ ignorecase: false }).add([...patterns])
  const hasExceptions = patterns.some(pattern => pattern.trim().startsWith('!'))
  return (below, isFolder) => {
    if (below === '') return 'inside'
    if (!ignore.ignores(below)) return false
    // A `!` may take in again what is in there.
    return isFolder && hasExceptions ? 'inside' : true
  }
}

/** skiff cp: files between a container and here, either way. */

import { lstat, realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { copy as copyStream } from '../../client/demultiplex.ts'
import type { Engine } from '../../client/engine.ts'
import { isNotFound } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { type Context, command } from '../command.ts'
import { isDirectory, isSymlink, linkTarget, readArchive, statPath, writeArchive } from '../copy/container-path.ts'
import { entryName, planCopy, renamed, splitArgument, type TargetInfo } from '../copy/paths.ts'
import { CommandError } from '../errors.ts'
import { humanSize } from '../output/sizes.ts'
import { bool } from '../parse/flag.ts'

const FLAGS = {
  archive: bool('Keep owner and group', { short: 'a' }),
  'follow-link': bool('Copy what the source points to, if it is a link', { short: 'L' }),
  quiet: bool('Do not say how much was copied', { short: 'q' }),
}
type CopyContext = Context<typeof FLAGS>

export const cp = command({
  usage: 'CONTAINER:SOURCE TARGET|-\n[OPTIONS] SOURCE|- CONTAINER:TARGET',
  description: `Copy files and folders between a container and the local file system.

With - as target, a tar archive of the source is written to stdout;
with - as source, a tar archive on stdin is unpacked in a folder of the container.`,
  arity: [2, 2],
  flags: FLAGS,
  async run(context) {
    const [source = '', target = ''] = context.args
    const [from, to] = [splitArgument(source), splitArgument(target)]
    if (from && to) throw new CommandError('copying between containers is not supported')
    if (!from && !to) throw new CommandError('must specify at least one container source')
    if (source === '' || target === '')
      throw new CommandError(source === '' ? 'source can not be empty' : 'destination can not be empty')
    if (from) await copyOut(context, from, target)
    else if (to) await copyIn(context, source, to)
  },
})

interface ContainerPath {
  readonly container: string
  readonly path: string
}

/** Counts what passes, for the final word. */
class Meter extends Transform {
  bytes = 0
  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length
    done(null, chunk)
  }
}

async function copyOut(context: CopyContext, { container, path }: ContainerPath, target: string): Promise<void> {
  const { session, engine, options } = context
  const source = options['follow-link'] ? await followLink(engine, container, path) : path
  if (target === '-') return await copyStream((await readArchive(engine, container, source)).stream, session.stdout)
  const { resolveTarget, unpackInto } = await import('../copy/unpack.ts')
  const trailing = /\/\.?$/.test(target) ? '/' : ''
  const local = await resolveTarget(resolve(session.cwd, target) + trailing)
  const { stream, stat } = await readArchive(engine, container, source)
  // The archive has what the link points to; the copy has the link's own name.
  const plan = planCopy({ path: source, isDirectory: isDirectory(stat) }, local)
  const own = source === path || plan.rename ? plan.rename : { from: entryName(source), to: entryName(path) }
  const meter = new Meter()
  stream.once('error', error => meter.destroy(error)).pipe(meter)
  await unpackInto(meter, { plan: { ...plan, rename: own }, keepOwner: options.archive })
  await report(context, meter.bytes, target)
}

async function followLink(engine: Engine, container: string, path: string): Promise<string> {
  const stat = await statPath(engine, container, path)
  return isSymlink(stat) ? linkTarget(path, stat) : path
}

async function copyIn(context: CopyContext, source: string, { container, path }: ContainerPath): Promise<void> {
  const { session, engine, options } = context
  const target = await targetIn(engine, container, path)
  if (source === '-') {
    if (!target.isDirectory) throw new CommandError(`destination "${container}:${path}" must be a directory`)
    return await writeArchive(engine, container, target.path, session.stdin, options.archive)
  }
  const { packPath } = await import('../copy/pack.ts')
  const given = resolve(session.cwd, source) + (/\/\.?$/.test(source) ? source.slice(source.lastIndexOf('/')) : '')
  const local = await localSource(given, options['follow-link'])
  const plan = planCopy({ path: given, isDirectory: local.isDirectory }, target)
  const meter = new Meter()
  const name = renamed(entryName(given), plan.rename)
  const archive: Readable = packPath(local.path, name)
  archive.once('error', error => meter.destroy(error)).pipe(meter)
  await writeArchive(engine, container, plan.folder, meter, options.archive)
  await report(context, meter.bytes, `${container}:${path}`)
}

async function localSource(path: string, follow: boolean): Promise<{ path: string; isDirectory: boolean }> {
  try {
    // A slash at the end follows a link as well.
    const real = follow || /\/\.?$/.test(path) ? await realpath(path) : path
    const stats = await lstat(real)
    if (path.endsWith('/') && !stats.isDirectory()) throw new CommandError('not a directory')
    return { path: real, isDirectory: stats.isDirectory() }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') throw new CommandError('not a directory')
    if (code === 'ENOENT') throw new CommandError(`lstat ${path}: no such file or directory`)
    throw error
  }
}

/** What the target in a container is; what is not there yet is no error. */
async function targetIn(engine: Engine, container: string, path: string): Promise<TargetInfo> {
  let absolute = path.startsWith('/') ? path : `/${path}`
  try {
    let stat = await statPath(engine, container, absolute)
    if (isSymlink(stat)) {
      absolute = linkTarget(absolute, stat)
      stat = await statPath(engine, container, absolute)
    }
    return { path: absolute, exists: true, isDirectory: isDirectory(stat) }
  } catch (error) {
    if (!isNotFound(error)) throw error
    // Of a missing container the next request will speak in clear words; HEAD has no body.
    await engine.get(`/containers/${segment(container)}/json`)
    return { path: absolute, exists: false, isDirectory: false }
  }
}

async function report({ session, options }: CopyContext, bytes: number, target: string): Promise<void> {
  if (options.quiet || !session.isTerminal.stderr) return
  await write(session.stderr, `Successfully copied ${humanSize(bytes, 3)} to ${target}\n`)
}

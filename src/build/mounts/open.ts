/** From RUN's mounts to those of its container: what is mounted is found or made, and given back when the step is over. */

import { createHash } from 'node:crypto'
import { chmodSync, chownSync, constants, mkdtempSync, readlinkSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { PLAIN_MOUNT } from '../../containers/create/bind-spec.ts'
import type { ContainerMount } from '../../containers/store/record.ts'
import { hasCode, InvalidParameter } from '../../kernel/errors.ts'
import { AT_FDCWD, close, O_PATH, openat2, RESOLVE_IN_ROOT } from '../../kernel/files.ts'
import type { Undo } from '../../kernel/undo.ts'
import type { Tree } from '../../snapshots/copy/tree.ts'
import type { ByteString } from '../../snapshots/tar/byte-string.ts'
import type { RunMount } from '../dockerfile/types.ts'
import type { Workshop } from '../workshop.ts'
import { serveAgent } from './agent.ts'
import { makeMemoryFolder, removeMemoryFolder } from './memory.ts'

export interface OpenedMounts {
  mounts: ContainerMount[]
  /** Variables that come with secrets and agents. */
  env: string[]
}

/** A mount whose source is known: what it shows, and what that depends on. */
export interface KnownMount extends RunMount {
  tree: Tree | null
  /** Part of the step's key. */
  key: unknown
}

/** Before the step's turn: other stages may have to be waited for. */
export async function findMount(workshop: Workshop, mount: RunMount, cwd: string, step: number): Promise<KnownMount> {
  const target = mount.target === '' ? '' : posix.resolve(cwd, mount.target)
  const { type, id, sharing, readonly, mode, uid, gid, from, source, env, required, sizeBytes } = mount
  const said = { type, target, id, sharing, readonly, mode, uid, gid, from, source, env, required, sizeBytes }
  if (type !== 'bind' && !(type === 'cache' && from !== '')) return { ...mount, target, tree: null, key: said }
  const given = from === '' ? null : await workshop.source(from, step)
  const tree: Tree = given?.tree ?? { kind: 'folder', path: workshop.contextFolder }
  return { ...mount, target, tree, key: [said, await contentOf(workshop, tree, mount, given?.key ?? '')] }
}

async function contentOf({ snapshots }: Workshop, tree: Tree, mount: RunMount, key: string): Promise<string> {
  const pattern = posix.normalize(`/${mount.source}`).slice(1).replace(/\/$/, '')
  // A stage's or an image's key says all about what is in it.
  if (key !== '') return `${key} ${pattern}`
  const query = { tree, patterns: [pattern.replace(/[*?[\\]/g, '\\$&')], exclude: [], withOwner: true }
  const { found } = await snapshots.workers.run('findSources', query)
  const digest = found[0]?.[0]?.digest
  if (digest === undefined) {
    throw new InvalidParameter(`failed to compute cache key: ${JSON.stringify(`/${pattern}`)}: not found`)
  }
  return digest
}

export async function openMounts(workshop: Workshop, mounts: readonly KnownMount[], undo: Undo): Promise<OpenedMounts> {
  const opened: OpenedMounts = { mounts: [], env: [] }
  const memory = lazyMemory(workshop, undo)
  for (const [index, mount] of mounts.entries()) {
    if (mount.type === 'tmpfs') opened.mounts.push(tmpfs(mount))
    else if (mount.type === 'secret') secret(workshop, mount, memory, opened)
    else if (mount.type === 'ssh') await ssh(workshop, mount, index, memory, opened, undo)
    else if (mount.type === 'cache') opened.mounts.push(await cache(workshop, mount, undo))
    else opened.mounts.push(await bind(workshop, mount))
  }
  return opened
}

function lazyMemory({ context }: Workshop, undo: Undo): () => string {
  let folder: string | null = null
  return () => {
    if (folder === null) {
      const made = makeMemoryFolder(context.roots)
      undo.defer(() => removeMemoryFolder(made))
      folder = made
    }
    return folder
  }
}

/** As a volume is mounted: in a user namespace its files' ids are those inside. */
const bound = (source: string, destination: string, rw: boolean): ContainerMount => ({
  ...PLAIN_MOUNT,
  type: 'volume',
  source,
  destination,
  rw,
  propagation: 'rprivate',
})

const tmpfs = ({ target, sizeBytes }: RunMount): ContainerMount => ({
  ...PLAIN_MOUNT,
  type: 'tmpfs',
  destination: target,
  tmpfsOptions: ['nosuid', 'nodev', ...(sizeBytes === null ? [] : [`size=${sizeBytes}`])],
})

function secret(workshop: Workshop, mount: RunMount, memory: () => string, opened: OpenedMounts): void {
  const id = mount.id || posix.basename(mount.target)
  const content = workshop.request.secrets[id]
  if (content === undefined) {
    if (mount.required) throw new InvalidParameter(`secret ${id}: not found`)
    return
  }
  if (mount.env !== '') opened.env.push(`${mount.env}=${content.toString('utf8')}`)
  if (mount.env !== '' && mount.target === '') return
  const file = join(memory(), `secret-${opened.mounts.length}`)
  writeFileSync(file, content, { mode: 0o600 })
  chownSync(file, mount.uid ?? 0, mount.gid ?? 0)
  chmodSync(file, mount.mode ?? 0o400)
  opened.mounts.push(bound(file, mount.target || `/run/secrets/${id}`, false))
}

async function ssh(
  workshop: Workshop,
  mount: RunMount,
  index: number,
  memory: () => string,
  opened: OpenedMounts,
  undo: Undo,
): Promise<void> {
  const id = mount.id || 'default'
  const agent = workshop.request.agents[id]
  const target = mount.target || `/run/buildkit/ssh_agent.${index}`
  // Also where there is no agent, as with BuildKit.
  if (!opened.env.some(entry => entry.startsWith('SSH_AUTH_SOCK='))) opened.env.push(`SSH_AUTH_SOCK=${target}`)
  if (agent === undefined) {
    if (mount.required) throw new InvalidParameter(`ssh agent ${id}: not found`)
    return
  }
  const socket = join(memory(), `agent-${index}`)
  const owner = { uid: mount.uid ?? 0, gid: mount.gid ?? 0, mode: mount.mode ?? 0o600 }
  const served = await serveAgent(socket, agent, owner)
  undo.defer(() => served.close())
  opened.mounts.push(bound(socket, target, true))
}

async function cache(workshop: Workshop, mount: KnownMount, undo: Undo): Promise<ContainerMount> {
  const held = await workshop.cacheFolders.hold(
    {
      id: mount.id || mount.target,
      sharing: mount.sharing,
      uid: mount.uid ?? 0,
      gid: mount.gid ?? 0,
      mode: mount.mode ?? 0o755,
      fill: mount.tree === null ? null : folder => copyTo(workshop, mount.tree!, mount.source, folder),
    },
    workshop.signal,
  )
  undo.defer(() => held.release())
  return bound(held.path, mount.target, mount.readonly !== true)
}

async function bind(workshop: Workshop, mount: KnownMount): Promise<ContainerMount> {
  const writable = mount.readonly === false
  const folder = await view(workshop, mount.tree!, mount.source, writable)
  return bound(within(folder.root, folder.path), mount.target, writable)
}

/** A place on the host that shows a tree: itself, a copy that may be written to, or for layers a tree of links to their files. */
async function view(
  workshop: Workshop,
  tree: Tree,
  source: string,
  writable: boolean,
): Promise<{ root: string; path: string }> {
  const { scratchFolder, snapshots } = workshop
  if (tree.kind === 'folder' && !writable) return { root: tree.path, path: source }
  if (writable) {
    const copy = mkdtempSync(join(scratchFolder, 'bind-'))
    await copyTo(workshop, tree, source, join(copy, 'files'))
    return { root: copy, path: 'files' }
  }
  const { layersDir, lower } = tree as Tree & { kind: 'layers' }
  const name = createHash('sha256').update(lower.join(':')).digest('hex').slice(0, 16)
  let made = workshop.views.get(name)
  if (made === undefined) {
    const target = mkdtempSync(join(scratchFolder, 'view-'))
    made = snapshots.workers.run('copyLayers', { layersDir, lower, target, by: 'link' }).then(() => target)
    workshop.views.set(name, made)
  }
  return { root: await made, path: source }
}

async function copyTo({ snapshots }: Workshop, tree: Tree, source: string, target: string): Promise<void> {
  const path = posix.normalize(`/${source}`).slice(1).replace(/\/$/, '') as ByteString
  await snapshots.workers.run('copyInto', {
    from: tree,
    into: { kind: 'plain', path: posix.dirname(target), layersDir: '', lower: [] },
    items: [{ path, target: `/${posix.basename(target)}`, isFolder: false, unpack: false }],
    exclude: [],
    owner: null,
    mode: null,
    keepRoot: true,
  })
}

/** The real path of something in a folder whose symlinks are not to be trusted. */
function within(root: string, path: string): string {
  const folder = openat2(AT_FDCWD, root, O_PATH | constants.O_DIRECTORY, 0)
  try {
    const file = openat2(folder, posix.normalize(`./${path}`), O_PATH, RESOLVE_IN_ROOT)
    try {
      return readlinkSync(`/proc/self/fd/${file}`)
    } finally {
      close(file)
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw new InvalidParameter(`mount source ${path || '/'} does not exist`)
    throw error
  } finally {
    close(folder)
  }
}

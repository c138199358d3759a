/** COPY and ADD. Dockerfile reference, "COPY", "ADD"; errors in the words of Docker's classic builder. */

import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { InvalidParameter } from '../../kernel/errors.ts'
import { close } from '../../kernel/files.ts'
import { readUserDatabase, type UserDatabase } from '../../runtime/users.ts'
import type { CopyItem, CopyRequest } from '../../snapshots/copy/copy.ts'
import type { Source } from '../../snapshots/copy/sources.ts'
import type { Tree } from '../../snapshots/copy/tree.ts'
import type { RootMount } from '../../snapshots/types.ts'
import type { CopyInstruction } from '../dockerfile/types.ts'
import type { Scope } from '../scope.ts'
import { keyOf, type State } from '../state.ts'
import type { Workshop } from '../workshop.ts'
import { nop } from './configure.ts'
import { fetchUrl, isGit, isUrl, writeHeredocs } from './fetch.ts'
import type { StepPlan } from './step.ts'

/** Sources of one tree, in the order in which they were named. */
interface Group {
  tree: Tree
  sources: Source[]
  /** Local archives are unpacked. */
  unpack: boolean
}

export async function planCopy(
  workshop: Workshop,
  state: State,
  scope: Scope,
  instruction: CopyInstruction,
  step: number,
): Promise<StepPlan> {
  const { word } = scope.expansion(state.config)
  const target = targetOf(state, word(instruction.target))
  const [chown, mode] = [word(instruction.chown), modeOf(word(instruction.chmod))]
  const exclude = instruction.exclude.map(word)
  const groups = await gather(workshop, instruction, instruction.paths.map(word), exclude, step)
  const items = groups.map(group => itemsOf(group, target, instruction, countOf(groups)))
  const digest = digestOf(groups)
  const { link, parents } = instruction
  const layout = items.flat().map(({ path, target: to }) => [path.split('/').at(-1), to])
  const flags = [chown && `--chown=${chown}`, instruction.chmod && `--chmod=${instruction.chmod}`].filter(Boolean)
  const shownFlags = flags.length > 0 ? `${flags.join(' ')} ` : ''
  const content = [instruction.kind, digest, layout, target, chown, mode, parents, exclude]
  return {
    key: keyOf(state.key, ...content),
    createdBy: `${nop(state.config)}${instruction.kind.toUpperCase()} ${shownFlags}${digest} in ${word(instruction.target)} `,
    ...(link && { linkKey: keyOf('link', workshop.epoch, ...content) }),
    write: async root => {
      const owner = ownerOf(workshop, root, chown, instruction)
      for (const [index, { tree }] of groups.entries()) {
        const request: CopyRequest = { from: tree, into: root, items: items[index]!, exclude, owner, mode }
        await workshop.snapshots.workers.run('copyInto', request)
      }
    },
  }
}

/** Absolute, and still with the slash that says it is a folder. */
function targetOf({ config }: State, text: string): string {
  const path = posix.resolve(config.workingDir || '/', text)
  return /(^|\/)\.?$/.test(text) && path !== '/' ? `${path}/` : path
}

const countOf = (groups: readonly Group[]): number => groups.reduce((sum, { sources }) => sum + sources.length, 0)

async function gather(
  workshop: Workshop,
  instruction: CopyInstruction,
  paths: readonly string[],
  exclude: string[],
  step: number,
): Promise<Group[]> {
  const name = instruction.kind.toUpperCase()
  const groups: Group[] = []
  const local: string[] = []
  for (const path of paths) {
    if (instruction.kind === 'add' && isGit(path)) {
      throw new InvalidParameter(
        `ADD failed: ${path} is a git repository, which skiff does not fetch: add an archive of it`,
      )
    }
    if (instruction.kind === 'add' && isUrl(path)) {
      groups.push(await fetched(workshop, path, instruction.checksum))
    } else local.push(path)
  }
  if (local.length > 0) groups.push(...(await found(workshop, instruction, local, exclude, step)))
  if (instruction.heredocs.length > 0) groups.push(await written(workshop, instruction))
  if (countOf(groups) === 0) throw new InvalidParameter(`${name} failed: no source files were specified`)
  return groups
}

async function found(
  workshop: Workshop,
  { kind, from, parents }: CopyInstruction,
  paths: readonly string[],
  exclude: string[],
  step: number,
): Promise<Group[]> {
  const source = from === '' ? null : await workshop.source(from, step)
  const tree: Tree = source?.tree ?? { kind: 'folder', path: workshop.contextFolder }
  const patterns = paths.map(path => relativeTo(path, kind, from !== '', parents))
  const { found } = await workshop.snapshots.workers.run('findSources', {
    tree,
    patterns,
    exclude,
    withOwner: from !== '',
  })
  const sources = found.flatMap((list, index) => {
    if (list === null) throw missing(kind, paths[index]!, from)
    return list
  })
  return [{ tree, sources, unpack: kind === 'add' }]
}

function missing(kind: CopyInstruction['kind'], path: string, from: string): InvalidParameter {
  const where = from === '' ? 'in build context or excluded by .dockerignore' : `in ${from}`
  const shown = path.replace(/^\/+/, '')
  return new InvalidParameter(
    `${kind.toUpperCase()} failed: file not found ${where}: stat ${shown}: file does not exist`,
  )
}

/** Beneath the source's root. @throws InvalidParameter if it leads out */
function relativeTo(path: string, kind: CopyInstruction['kind'], isImage: boolean, parents: boolean): string {
  // `/./` marks where the parents begin that --parents keeps.
  const normal = posix.normalize(parents ? path.replace(/^(.*)\/\.\/(.*)$/, '$1/$2') : path).replace(/\/$/, '')
  const relative = normal.replace(/^\/+/, '')
  if (/^\.\.(\/|$)/.test(relative)) {
    if (isImage) return relative.replace(/^(\.\.\/?)+/, '')
    throw new InvalidParameter(`${kind.toUpperCase()} failed: forbidden path outside the build context: ${path} ()`)
  }
  return relative === '.' ? '' : relative
}

async function fetched(workshop: Workshop, url: string, checksum: string): Promise<Group> {
  const folder = await fetchUrl(workshop, url, checksum)
  return onlyFileIn(workshop, folder)
}

async function written(workshop: Workshop, { heredocs }: CopyInstruction): Promise<Group> {
  const folder = await writeHeredocs(workshop, heredocs)
  return onlyFileIn(workshop, folder)
}

async function onlyFileIn(workshop: Workshop, path: string): Promise<Group> {
  const tree: Tree = { kind: 'folder', path }
  const query = { tree, patterns: ['*'], exclude: [], withOwner: false }
  const { found } = await workshop.snapshots.workers.run('findSources', query)
  return { tree, sources: found.flatMap(list => list ?? []), unpack: false }
}

function itemsOf(
  { sources, unpack }: Group,
  target: string,
  { kind, parents }: CopyInstruction,
  count: number,
): CopyItem[] {
  if (count > 1 && !target.endsWith('/') && !parents) {
    throw new InvalidParameter(
      `When using ${kind.toUpperCase()} with more than one source file, the destination must be a directory and end with a /`,
    )
  }
  return sources.map(({ path, isFolder }) => {
    const above = parents ? posix.join(target, isFolder ? path : posix.dirname(path)) : target
    return { path, target: parents ? `${above}/` : target, isFolder: target.endsWith('/') || parents, unpack }
  })
}

/** file:, dir: or multi: with a digest, as Docker's history has it. */
function digestOf(groups: readonly Group[]): string {
  const sources = groups.flatMap(({ sources }) => sources)
  const [only] = sources
  if (sources.length === 1 && only !== undefined) return `${only.isFolder ? 'dir' : 'file'}:${only.digest}`
  const all = createHash('sha256').update(sources.map(({ digest }) => digest).join(','))
  return `multi:${all.digest('hex')}`
}

function modeOf(text: string): number | null {
  if (text === '') return null
  if (!/^[0-7]{3,4}$/.test(text)) {
    throw new InvalidParameter(`invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`)
  }
  return Number.parseInt(text, 8)
}

/** What comes from outside is root's; what comes from another image stays whose it is. */
function ownerOf(
  { context }: Workshop,
  root: RootMount,
  chown: string,
  { from }: CopyInstruction,
): CopyRequest['owner'] {
  if (chown === '') return from === '' ? { uid: 0, gid: 0 } : null
  const [user = '', group] = chown.split(':', 2)
  const merged = context.rooms.snapshots.openMerged(root)
  try {
    const database = readUserDatabase(merged)
    return { uid: idOf(database, 'user', user), gid: idOf(database, 'group', group || user) }
  } finally {
    close(merged)
  }
}

function idOf({ passwd, group }: UserDatabase, kind: 'user' | 'group', name: string): number {
  if (/^\d+$/.test(name)) return Number(name)
  const lines = ((kind === 'user' ? passwd : group) ?? '').split('\n').map(line => line.split(':'))
  const id = lines.find(([entry]) => entry === name)?.[2]
  if (id !== undefined) return Number(id)
  throw new InvalidParameter(
    `unable to convert uid/gid chown string to host mapping: can't find ${kind === 'user' ? 'uid' : 'gid'} for ${kind} ${name}: no such ${kind}: ${name}`,
  )
}

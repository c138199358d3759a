/** COPY and ADD. Dockerfile reference, "COPY", "ADD"; errors in the words of Docker's classic builder. */

import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { CopyItem } from '../../snapshots/copy/copy.ts'
import { hasWildcard } from '../../snapshots/copy/find.ts'
import { parseMode } from '../../snapshots/copy/mode.ts'
import type { Source } from '../../snapshots/copy/sources.ts'
import type { Tree } from '../../snapshots/copy/tree.ts'
import type { CopyInstruction } from '../dockerfile/types.ts'
import type { Scope } from '../scope.ts'
import { keyOf, type State } from '../state.ts'
import type { Workshop } from '../workshop.ts'
import { nop } from './configure.ts'
import { fetchUrl, isGit, isUrl, writeHeredocs } from './fetch.ts'
import { ownerNamed } from './owner.ts'
import type { StepPlan } from './step.ts'

/** Sources of one tree, in the order in which they were named. */
interface Group {
  tree: Tree
  sources: Source[]
  /** By source: how many of its path's folders --parents leaves out, for `/./` stands behind them. */
  hidden: number[]
  /** Archives are unpacked. */
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
  const [chown, chmod] = [word(instruction.chown), word(instruction.chmod)]
  const mode = chmod === '' ? null : parseMode(chmod)
  const exclude = instruction.exclude.map(word)
  const groups = await gather(workshop, instruction, instruction.paths.map(word), exclude, step)
  const items = groups.map(group => itemsOf(group, target, instruction, countOf(groups)))
  const digest = digestOf(groups)
  const { link, parents, unpack } = instruction
  const layout = items.flat().map(({ path, target: to }) => [path.split('/').at(-1), to])
  const content = [instruction.kind, digest, layout, target, chown, mode, parents, exclude, unpack]
  return {
    key: keyOf(state.key, ...content),
    createdBy: `${nop(state.config)}${instruction.kind.toUpperCase()} ${shownFlags({ ...instruction, chown, chmod })}${digest} in ${word(instruction.target)} `,
    ...(link && { linkKey: keyOf('link', workshop.epoch, ...content) }),
    write: async root => {
      // What comes from outside is root's; what comes from another image stays whose it is.
      const owner =
        chown !== '' ? ownerNamed(workshop, root, chown) : instruction.from === '' ? { uid: 0, gid: 0 } : null
      for (const [index, { tree }] of groups.entries()) {
        const request = { from: tree, into: root, items: items[index]!, exclude, owner, mode, keepRoot: parents }
        if (request.items.length > 0) await workshop.snapshots.workers.run('copyInto', request)
      }
    },
  }
}

/** Those that change what is copied, and which the digest does not tell of. */
function shownFlags({ chown, chmod, parents, unpack }: CopyInstruction): string {
  const flags = [
    chown !== '' && `--chown=${chown}`,
    chmod !== '' && `--chmod=${chmod}`,
    parents && '--parents',
    unpack !== null && `--unpack=${unpack}`,
  ]
  return flags.map(flag => (flag === false ? '' : `${flag} `)).join('')
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
  const groups: Group[] = []
  const local: string[] = []
  for (const path of paths) {
    if (instruction.kind === 'add' && isGit(path)) {
      throw new InvalidParameter(
        `ADD failed: ${path} is a git repository, which skiff does not fetch: add an archive of it`,
      )
    }
    if (instruction.kind === 'add' && isUrl(path)) {
      groups.push(await fetched(workshop, path, instruction))
    } else local.push(path)
  }
  if (local.length > 0) groups.push(...(await found(workshop, instruction, local, exclude, step)))
  if (instruction.heredocs.length > 0) groups.push(await written(workshop, instruction))
  // A pattern may match nothing, as with BuildKit: then there is nothing to copy.
  if (countOf(groups) === 0 && !paths.some(hasWildcard)) {
    throw new InvalidParameter(`${instruction.kind.toUpperCase()} failed: no source files were specified`)
  }
  return groups
}

async function found(
  workshop: Workshop,
  { kind, from, unpack }: CopyInstruction,
  paths: readonly string[],
  exclude: string[],
  step: number,
): Promise<Group[]> {
  const source = from === '' ? null : await workshop.source(from, step)
  const tree: Tree = source?.tree ?? { kind: 'folder', path: workshop.contextFolder }
  const patterns = paths.map(path => relativeTo(path, kind, from !== ''))
  const { found } = await workshop.snapshots.workers.run('findSources', {
    tree,
    patterns,
    exclude,
    withOwner: from !== '',
  })
  const sources = found.map((list, index) => {
    if (list === null) throw missing(kind, paths[index]!, from)
    return list
  })
  const hidden = sources.flatMap((list, index) => list.map(() => hiddenIn(paths[index]!)))
  return [{ tree, sources: sources.flat(), hidden, unpack: unpack ?? kind === 'add' }]
}

function missing(kind: CopyInstruction['kind'], path: string, from: string): InvalidParameter {
  const where = from === '' ? 'in build context or excluded by .dockerignore' : `in ${from}`
  const shown = path.replace(/^\/+/, '')
  return new InvalidParameter(
    `${kind.toUpperCase()} failed: file not found ${where}: stat ${shown}: file does not exist`,
  )
}

/** The folders before `/./`. */
function hiddenIn(path: string): number {
  const [, before = ''] = /^(.*?)\/\.\/./.exec(path) ?? []
  return posix.normalize(`/${before}`).split('/').filter(Boolean).length
}

/** Beneath the source's root. @throws InvalidParameter if it leads out */
function relativeTo(path: string, kind: CopyInstruction['kind'], isImage: boolean): string {
  const normal = posix.normalize(path).replace(/\/$/, '')
  const relative = normal.replace(/^\/+/, '')
  if (/^\.\.(\/|$)/.test(relative)) {
    if (isImage) return relative.replace(/^(\.\.\/?)+/, '')
    throw new InvalidParameter(`${kind.toUpperCase()} failed: forbidden path outside the build context: ${path} ()`)
  }
  return relative === '.' ? '' : relative
}

async function fetched(workshop: Workshop, url: string, { checksum, unpack }: CopyInstruction): Promise<Group> {
  const folder = await fetchUrl(workshop, url, checksum)
  return { ...(await onlyFileIn(workshop, folder)), unpack: unpack ?? false }
}

async function written(workshop: Workshop, { heredocs }: CopyInstruction): Promise<Group> {
  const folder = await writeHeredocs(workshop, heredocs)
  return onlyFileIn(workshop, folder)
}

async function onlyFileIn(workshop: Workshop, path: string): Promise<Group> {
  const tree: Tree = { kind: 'folder', path }
  const query = { tree, patterns: ['*'], exclude: [], withOwner: false }
  const { found } = await workshop.snapshots.workers.run('findSources', query)
  const sources = found.flatMap(list => list ?? [])
  return { tree, sources, hidden: sources.map(() => 0), unpack: false }
}

function itemsOf(
  { sources, hidden, unpack }: Group,
  target: string,
  { kind, parents }: CopyInstruction,
  count: number,
): CopyItem[] {
  if (count > 1 && !target.endsWith('/') && !parents) {
    throw new InvalidParameter(
      `When using ${kind.toUpperCase()} with more than one source file, the destination must be a directory and end with a /`,
    )
  }
  return sources.map(({ path, isFolder }, index) => {
    const kept = path.split('/').slice(hidden[index]).join('/')
    const above = parents ? posix.join(target, isFolder ? kept : posix.dirname(kept)) : target
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

/** What a COPY shall take: the files that its patterns stand for, and one digest of all that would be copied. */

import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import dockerignore from '@balena/dockerignore'
import { close, openToRead, readlinkAt } from '../../kernel/files.ts'
import { listXattrs } from '../../kernel/xattr.ts'
import { readWhole } from '../pieces.ts'
import { type ByteString, fromText, joinPath, splitPath, toText } from '../tar/byte-string.ts'
import { type Found, isFileStatus, isFolderStatus, walk } from '../walk.ts'
import { type FoundFile, glob, hasWildcard, withFile } from './find.ts'
import { type Tree, withTree } from './tree.ts'

export interface SourceQuery {
  tree: Tree
  /** Relative to the tree's root, as the user wrote them. */
  patterns: string[]
  /** As in a .dockerignore; relative to each source. */
  exclude: string[]
  /** Owners are kept by the copy, and so belong to the digest. */
  withOwner: boolean
}

export interface Source {
  /** Relative to the tree's root; '' is the root. As bytes. */
  path: ByteString
  isFolder: boolean
  /** Of the file itself or all files in the folder. */
  digest: string
}

export interface Sources {
  /** By pattern, in their order: none where a pattern with wildcards matches nothing, null where a name does not exist. */
  found: (Source[] | null)[]
}

export const findSources = ({ tree, patterns, exclude, withOwner }: SourceQuery): Promise<Sources> =>
  withTree(tree, root => ({
    found: patterns.map(pattern => {
      const path = fromText(pattern)
      const paths = hasWildcard(pattern) ? glob(root, path) : [path]
      const excluded = matcher(exclude)
      const sources = paths.flatMap(
        path => withFile(root, path, file => describe(path, file, excluded, withOwner)) ?? [],
      )
      return sources.length === 0 && !hasWildcard(pattern) ? null : sources
    }),
  }))

export type Matcher = (path: ByteString) => boolean

/** Whether a path, relative to the source, is left out. */
export function matcher(patterns: readonly string[]): Matcher {
  if (patterns.length === 0) return () => false
  const ignore = dockerignore.default({ ignorecase: false }).add([...patterns])
  return path => path !== '' && ignore.ignores(toText(path))
}

function describe(path: ByteString, file: FoundFile, excluded: Matcher, withOwner: boolean): Source {
  const hash = createHash('sha256')
  const isFolder = isFolderStatus(file.status)
  addFile(hash, { ...file, path: '' as ByteString }, withOwner)
  if (isFolder) {
    const folder = openToRead(file.folder, file.name, constants.O_DIRECTORY)
    try {
      for (const found of walk(folder)) {
        if (excluded(found.path)) continue
        hash.update(`\0${found.path}\0`, 'latin1')
        addFile(hash, found, withOwner)
      }
    } finally {
      close(folder)
    }
  }
  return { path, isFolder, digest: hash.digest('hex') }
}

/** Everything of a file that a copy has too; not its times. */
function addFile(hash: Hash, { folder, name, status }: Found, withOwner: boolean): void {
  const { mode, size, uid, gid, major, minor } = status
  hash.update(`${mode} ${withOwner ? `${uid}:${gid}` : ''} ${isFileStatus(status) ? size : `${major}:${minor}`}\0`)
  if ((mode & constants.S_IFMT) === constants.S_IFLNK) hash.update(readlinkAt(folder, name))
  if (!isFileStatus(status)) return
  for (const [attribute, value] of listXattrs(folder, name)) {
    if (!attribute.startsWith('trusted.overlay.')) hash.update(attribute).update(value)
  }
  const file = openToRead(folder, name)
  try {
    for (const chunk of readWhole(file, size)) hash.update(chunk)
  } finally {
    close(file)
  }
}

export const nameOf = (path: ByteString): ByteString => splitPath(path).name
export const below = joinPath

/** From files to one tree: parsed, interpolated, extended, merged, and with what they include. */

import { ComposeError } from '../errors.ts'
import { mapNode, type Node, type Source } from '../source/node.ts'
import { readYaml } from '../source/read.ts'
import { readEnvFiles, type Variables } from './environment.ts'
import { applyExtends } from './extends.ts'
import { readText, shownPath } from './files.ts'
import { included, takeIn } from './include.ts'
import { interpolate } from './interpolate.ts'
import { merge, settle } from './merge.ts'

export interface TreeRequest {
  /** Absolute, or `-`. */
  readonly files: readonly string[]
  /** Where relative paths start. */
  readonly folder: string
  readonly variables: Variables
  readonly interpolate: boolean
  readonly cwd: string
  readonly stdin: () => Promise<string>
  readonly warn: (message: string) => void
  /** The files that include this one, to notice a circle. */
  readonly includedBy?: readonly string[]
}

/** @throws ComposeError */
export async function readTree(request: TreeRequest): Promise<Node> {
  let tree: Node | undefined
  for (const file of request.files) {
    const own = await applyExtends(await readOne(request, file, request.folder), file, (other, folder) =>
      readOne(request, other, folder),
    )
    tree = tree ? merge(tree, own) : settle(own)
  }
  if (!tree) throw new ComposeError('no configuration file provided: not found')
  return await withIncluded(tree, request)
}

async function readOne(request: TreeRequest, file: string, folder: string): Promise<Node> {
  const source: Source = { file: shownPath(request.cwd, file), folder, home: request.variables.HOME }
  const text = file === '-' ? await request.stdin() : await readText(file)
  const tree = readYaml(text, source)
  if (tree.kind === 'scalar' && tree.value === null) throw new ComposeError(`${source.file}: empty compose file`)
  if (tree.kind !== 'map') throw new ComposeError('top-level object must be a mapping', tree.at)
  if (!request.interpolate) return tree
  const unset = (name: string) =>
    request.warn(`The ${JSON.stringify(name)} variable is not set. Defaulting to a blank string.`)
  return interpolate(tree, name => request.variables[name], unset)
}

async function withIncluded(tree: Node, request: TreeRequest): Promise<Node> {
  let whole = tree
  const chain = [...(request.includedBy ?? []), ...request.files]
  for (const { request: other, at } of await included(tree)) {
    const again = other.files.find(file => chain.includes(file))
    if (again !== undefined)
      throw new ComposeError(`include cycle detected:\n${[...chain, again].join('\n include ')}`, at.at)
    const variables = await readEnvFiles(other.envFiles, request.variables, request.cwd)
    const theirs = await readTree({
      ...request,
      files: other.files,
      folder: other.folder,
      variables,
      includedBy: chain,
    })
    whole = takeIn(whole, theirs)
  }
  if (whole.kind !== 'map' || !whole.entries.has('include')) return whole
  return mapNode(
    whole.at,
    [...whole.entries].filter(([key]) => key !== 'include'),
  )
}

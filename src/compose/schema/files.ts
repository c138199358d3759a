/** Secrets and configs: the top-level ones, and how services use them. Source: compose-spec, "secrets" and "configs". */

import type { Node } from '../source/node.ts'
import {
  asList,
  bool,
  type Decoder,
  fail,
  fileMode,
  labels,
  refused,
  type Struct,
  shortOr,
  string,
  struct,
  text,
} from './decode.ts'
import { file } from './paths.ts'

/** A use of a secret or config by a service. */
export interface FileReference {
  source: string
  target?: string
  uid?: string
  gid?: string
  mode?: number
}

const reference = shortOr<
  Struct<{
    source: Decoder<string>
    target: Decoder<string>
    uid: Decoder<string>
    gid: Decoder<string>
    mode: Decoder<number>
  }>
>(
  (node, path) => ({ source: string(node, path) }),
  struct({ source: string, target: string, uid: text, gid: text, mode: fileMode }, ['source']),
)

/** `folder`: where a target without a slash goes; of two for one place the last one counts. */
export const references =
  (folder: string): Decoder<FileReference[]> =>
  (node, path) => {
    const found = asList(node, path).items.map((item, i) => reference(item, `${path}.${i}`) as FileReference)
    return [...new Map(found.map(item => [targetOf(item, folder), item])).values()]
  }

export const targetOf = ({ source, target }: FileReference, folder: string): string => {
  const name = target || source
  return name.startsWith('/') ? name : `${folder}/${name}`.replace('//', '/')
}

export interface FileObject {
  name?: string
  file?: string
  environment?: string
  content?: string
  labels?: Record<string, string>
  /** Of a swarm: it may stand in a file as long as no service uses it. */
  external?: boolean
}

const fields = {
  name: string,
  file,
  environment: string,
  labels,
  external: (node: Node, path: string): boolean =>
    node.kind === 'map' ? struct({ name: string })(node, path) !== undefined : bool(node, path),
  driver: refused('secret drivers belong to a swarm'),
  driver_opts: refused('secret drivers belong to a swarm'),
  template_driver: refused('templates belong to a swarm'),
}

const exactlyOne =
  (
    decode: Decoder<Struct<typeof fields> & { content?: string }>,
    kinds: readonly ('file' | 'environment' | 'content')[],
  ): Decoder<FileObject> =>
  (node, path) => {
    const { driver: _d, driver_opts: _o, template_driver: _t, ...object } = decode(node, path)
    if (object.external) return object
    const given = kinds.filter(kind => object[kind] !== undefined)
    if (given.length === 0) fail(node, `${path}: one of ${kinds.join(', ')} must be set`)
    if (given.length > 1) fail(node, `${path}: ${given.join(' and ')} are mutually exclusive`)
    return object
  }

export const secret = exactlyOne(struct(fields), ['file', 'environment'])
export const config = exactlyOne(struct({ ...fields, content: string }), ['file', 'environment', 'content'])

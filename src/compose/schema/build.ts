/** `build`: how a service's image is made. Source: compose-spec, build.md. */

import {
  bool,
  bytes,
  type Decoded,
  type Decoder,
  labels,
  list,
  only,
  pairs,
  refused,
  type Struct,
  string,
  stringOrList,
  struct,
} from './decode.ts'
import { references } from './files.ts'
import { isRemote, localPath } from './paths.ts'
import { extraHosts, ulimits } from './service-parts.ts'

const context: Decoder<string> = (node, path) => {
  const written = string(node, path)
  return isRemote(written) ? written : localPath(written, node.at)
}

/** Folders, and what is named by a scheme: docker-image://, service:, https://. */
const contexts: Decoder<Record<string, string>> = (node, path) =>
  Object.fromEntries(
    Object.entries(labels(node, path)).map(([name, source]) => [
      name,
      /^[a-z-]+:/.test(source) ? source : localPath(source, node.at),
    ]),
  )

const fields = {
  additional_contexts: contexts,
  args: pairs,
  cache_from: list(string),
  cache_to: refused('the cache stays with the engine'),
  context,
  dockerfile: string,
  dockerfile_inline: string,
  entitlements: refused('a build has no privileges that could be granted'),
  extra_hosts: extraHosts,
  isolation: only(string, 'default', 'it is for Windows'),
  labels,
  network: string,
  no_cache: bool,
  platforms: list(string),
  privileged: only(bool, false, 'a build step has no privileges'),
  pull: bool,
  secrets: references('/run/secrets'),
  shm_size: bytes,
  ssh: (node: Parameters<Decoder<string[]>>[0], path: string): string[] =>
    node.kind === 'map' || node.kind === 'list'
      ? Object.entries(pairs(node, path)).map(([id, source]) => (source === null ? id : `${id}=${source}`))
      : stringOrList(node, path),
  tags: list(string),
  target: string,
  ulimits,
}

const long = struct(fields)

export const build: Decoder<Struct<typeof fields> & { context: string }> = (node, path) => {
  const given = node.kind === 'scalar' ? { context: context(node, path) } : long(node, path)
  return { context: localPath('.', node.at), ...given }
}
export type Build = Decoded<typeof build>

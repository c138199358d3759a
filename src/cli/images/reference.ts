/** Names of images as users write them. Source: distribution/reference, the grammar in its documentation. */

export interface Named {
  /** Everything before the tag or digest, as written. */
  readonly name: string
  readonly tag: string
  readonly digest: string
}

/** A first component is a host when it has a dot or a port, or is localhost; else it is part of the path. */
const DOMAIN = /^(?:localhost|(?=[^/]*[.:])(?:[A-Za-z\d-]+(?:\.[A-Za-z\d-]+)*|\[[\da-fA-F:]+\])(?::\d+)?)\//

/** @throws Error in Docker's words */
export function parseReference(text: string): Named {
  const [beforeDigest = '', digest = ''] = text.split('@', 2)
  const colon = beforeDigest.lastIndexOf(':')
  const hasTag = colon > beforeDigest.lastIndexOf('/')
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest
  const tag = hasTag ? beforeDigest.slice(colon + 1) : ''
  const path = name.replace(DOMAIN, '')
  if (/[A-Z]/.test(path))
    throw new Error(`invalid reference format: repository name (${withLibrary(name)}) must be lowercase`)
  const valid = /^[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(\/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*$/.test(path)
  if (
    !valid ||
    (hasTag && !/^\w[\w.-]{0,127}$/.test(tag)) ||
    (text.includes('@') && !/^[a-z0-9+._-]+:[a-fA-F0-9]{32,}$/.test(digest))
  )
    throw new Error('invalid reference format')
  return { name, tag, digest }
}

const withLibrary = (name: string): string => (name.includes('/') ? name : `library/${name}`)

/** `busybox` → `busybox:latest`; what has a tag or digest stays. */
export function withDefaultTag(text: string): string {
  const { tag, digest } = parseReference(text)
  return tag || digest ? text : `${text}:latest`
}

/** `busybox` → `docker.io/library/busybox`: the full name, as registries and the API have it. */
export function fullName(name: string): string {
  const [first = '', ...rest] = name.split('/')
  if (rest.length === 0) return `docker.io/library/${name}`
  if (/[.:]/.test(first) || first === 'localhost') return name.replace(/^index\.docker\.io\//, 'docker.io/')
  return `docker.io/${name}`
}

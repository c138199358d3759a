/**
 * Names of images: `[domain/]path[:tag][@digest]`. The grammar and the defaults are those of
 * github.com/distribution/reference, which all of Docker's world uses.
 *
 * A reference is kept in its full form, `docker.io/library/busybox:latest`, and shown in the familiar one, `busybox:latest`.
 */

import { InvalidParameter } from '../kernel/errors.ts'
import type { Digest } from './types.ts'

export interface Reference {
  /** `docker.io`, `localhost:5000` */
  domain: string
  /** `library/busybox` */
  path: string
  tag: string | undefined
  digest: Digest | undefined
}

export const DEFAULT_DOMAIN = 'docker.io'
const LEGACY_DOMAIN = 'index.docker.io'
const OFFICIAL_PREFIX = 'library/'
const DEFAULT_TAG = 'latest'
const LONGEST_NAME = 255

const DOMAIN_PART = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const DOMAIN = new RegExp(`^(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`)
const PATH_PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const PATH = new RegExp(`^${PATH_PART}(?:/${PATH_PART})*$`)
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/
const SHA256 = /^sha256:[0-9a-f]{64}$/
const ID = /^[0-9a-f]{64}$/

/** @throws InvalidParameter in Docker's words */
export function parseReference(text: string): Reference {
  if (text === '') throw new InvalidParameter('invalid reference format')
  if (ID.test(text)) {
    throw new InvalidParameter(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`)
  }
  const { domain, rest } = splitDomain(text)
  const [named, digest, ...more] = rest.split('@')
  const colon = named!.indexOf(':')
  const path = colon === -1 ? named! : named!.slice(0, colon)
  const tag = colon === -1 ? undefined : named!.slice(colon + 1)
  if (path !== path.toLowerCase()) {
    throw new InvalidParameter(`invalid reference format: repository name (${path}) must be lowercase`)
  }
  const isValid =
    more.length === 0 &&
    DOMAIN.test(domain) &&
    PATH.test(path) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest))
  if (!isValid) throw new InvalidParameter('invalid reference format')
  if (domain.length + 1 + path.length > LONGEST_NAME) {
    throw new InvalidParameter(`repository name must not be more than ${LONGEST_NAME} characters`)
  }
  if (digest !== undefined && !SHA256.test(digest)) throw new InvalidParameter('unsupported digest algorithm')
  return { domain, path, tag, digest: digest as Digest | undefined }
}

/** What stands before the first slash is a domain if it looks like one: else it is part of a name at Docker Hub. */
function splitDomain(text: string): { domain: string; rest: string } {
  const slash = text.indexOf('/')
  const first = text.slice(0, Math.max(slash, 0))
  const isDomain = slash !== -1 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  const domain = isDomain ? first : DEFAULT_DOMAIN
  const rest = isDomain ? text.slice(slash + 1) : text
  if (domain !== DEFAULT_DOMAIN && domain !== LEGACY_DOMAIN) return { domain, rest }
  return { domain: DEFAULT_DOMAIN, rest: rest.includes('/') ? rest : `${OFFICIAL_PREFIX}${rest}` }
}

/** With `latest` where there is neither a tag nor a digest. */
export const withDefaultTag = (reference: Reference): Reference =>
  reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: DEFAULT_TAG } : reference

/** `docker.io/library/busybox` */
export const repositoryOf = ({ domain, path }: Reference): string => `${domain}/${path}`

/** The full form, as references are stored. A name with a digest means just that digest, whatever its tag. */
export const fullName = (reference: Reference): string => repositoryOf(reference) + suffix(reference)

/** Under which name something a user wrote is stored: `docker.io/library/busybox:latest`. @throws InvalidParameter */
export const storedName = (text: string): string => fullName(withDefaultTag(parseReference(text)))

/** `busybox` */
export function familiarRepository({ domain, path }: Reference): string {
  if (domain !== DEFAULT_DOMAIN) return `${domain}/${path}`
  const short = path.startsWith(OFFICIAL_PREFIX) ? path.slice(OFFICIAL_PREFIX.length) : path
  return short.includes('/') && path.startsWith(OFFICIAL_PREFIX) ? path : short
}

/** `busybox:latest`, as users write and read it. */
export const familiarName = (reference: Reference): string => familiarRepository(reference) + suffix(reference)

const suffix = ({ tag, digest }: Reference): string =>
  digest !== undefined ? `@${digest}` : tag !== undefined ? `:${tag}` : ''

export const isTag = (text: string): boolean => TAG.test(text)
export const isDigest = (text: string): text is Digest => SHA256.test(text)
/** A whole id, without its algorithm. */
export const isBareId = (text: string): boolean => ID.test(text)

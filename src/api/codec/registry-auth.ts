/** Credentials for registries, in bodies and in the header X-Registry-Auth. Engine API reference, "AuthConfig". */

import { DEFAULT_DOMAIN, parseReference } from '../../images/references.ts'
import type { RegistryAuth } from '../services.ts'
import { parseJson } from './json.ts'
import { map, orZero, ROOT, text } from './schema.ts'
import { field, Struct } from './struct.ts'

export const registryAuth = new Struct<RegistryAuth>('types.AuthConfig', {
  username: field('username', text),
  password: field('password', text),
  email: field('email', text),
  serverAddress: field('serveraddress', text),
  identityToken: field('identitytoken', text),
  registryToken: field('registrytoken', text),
})

/** X-Registry-Config: credentials by registry. Answers those for an image. */
export function registryConfig(header: string | string[] | undefined): (image: string) => RegistryAuth | null {
  if (typeof header !== 'string' || header === '') return () => null
  let known: Record<string, RegistryAuth>
  try {
    known = orZero(map(registryAuth), parseJson(Buffer.from(header, 'base64').toString('utf8')), ROOT)
  } catch {
    return () => null
  }
  return image => {
    const { domain } = parseReference(image)
    const names = domain === DEFAULT_DOMAIN ? DOCKER_HUB : [domain, `https://${domain}`, `http://${domain}`]
    const name = names.find(candidate => known[candidate] !== undefined)
    return name === undefined ? null : known[name]!
  }
}

const DOCKER_HUB = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io', 'registry-1.docker.io']

/** base64url of JSON. What cannot be read counts as no credentials, as it always did: old clients send odd things. */
export function decodeAuthHeader(header: string | string[] | undefined): RegistryAuth | null {
  if (typeof header !== 'string' || header === '') return null
  try {
    return orZero(registryAuth, parseJson(Buffer.from(header, 'base64url').toString('utf8')), ROOT)
  } catch {
    return null
  }
}

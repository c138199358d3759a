/** Credentials for registries, in bodies and in the header X-Registry-Auth. Engine API reference, "AuthConfig". */

import type { RegistryAuth } from '../services.ts'
import { parseJson } from './json.ts'
import { orZero, ROOT, text } from './schema.ts'
import { field, Struct } from './struct.ts'

export const registryAuth = new Struct<RegistryAuth>('types.AuthConfig', {
  username: field('username', text),
  password: field('password', text),
  email: field('email', text),
  serverAddress: field('serveraddress', text),
  identityToken: field('identitytoken', text),
  registryToken: field('registrytoken', text),
})

/** base64url of JSON. What cannot be read counts as no credentials, as it always did: old clients send odd things. */
export function decodeAuthHeader(header: string | string[] | undefined): RegistryAuth | null {
  if (typeof header !== 'string' || header === '') return null
  try {
    return orZero(registryAuth, parseJson(Buffer.from(header, 'base64url').toString('utf8')), ROOT)
  } catch {
    return null
  }
}

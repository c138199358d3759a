/**
 * Who asks: basic authentication, and bearer tokens as the Docker registry v2 specification has them (spec/auth/token.md of
 * github.com/distribution/distribution). Secrets go into headers and bodies only, never into a message or a log.
 */

import type { Dispatcher } from 'undici'
import { request } from 'undici'
import { Unauthorized, Unavailable } from '../../kernel/errors.ts'

export interface Credentials {
  username: string
  password: string
  /** An OAuth2 refresh token in the place of the password; '' for none. */
  identityToken: string
  /** A bearer token to be used as it is; '' for none. */
  registryToken: string
}

export interface Challenge {
  scheme: 'basic' | 'bearer'
  parameters: Record<string, string>
}

/** Reads WWW-Authenticate (RFC 9110, section 11.6.1); null for a scheme that skiff does not know. */
export function parseChallenge(header: string): Challenge | null {
  const [, scheme = '', rest = ''] = /^\s*(\S+)\s*(.*)$/s.exec(header) ?? []
  const kind = scheme.toLowerCase()
  if (kind !== 'basic' && kind !== 'bearer') return null
  const pairs = [...rest.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)]
  return {
    scheme: kind,
    parameters: Object.fromEntries(pairs.map(([, key, quoted, bare]) => [key, quoted ?? bare ?? ''])),
  }
}

const CLIENT_ID = 'skiff'
/** A token is asked for anew a little before it ends. */
const MARGIN_MS = 10_000
const DEFAULT_LIFE_S = 60

interface Token {
  value: string
  endsAtMs: number
}

/** The authorization of one conversation with one registry. */
export class Authorization {
  #challenge: Challenge | null = null
  readonly #tokens = new Map<string, Token>()

  constructor(
    private readonly credentials: Credentials | null,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** Learns from a 401. Returns whether trying again makes sense. */
  learn(header: string | undefined, hadAuthorization: boolean): boolean {
    const challenge = header === undefined ? null : parseChallenge(header)
    if (!challenge) return false
    // Basic credentials that were refused once are refused again.
    if (challenge.scheme === 'basic' && (hadAuthorization || !this.credentials?.username)) return false
    this.#challenge = challenge
    return true
  }

  /** Forgets what a registry no longer accepts. */
  forget(scope: string): void {
    this.#tokens.delete(scope)
  }

  /** The header's value for requests of this scope: 'repository:library/busybox:pull'. @throws Unauthorized, Unavailable */
  async header(scope: string): Promise<string | undefined> {
    const { credentials } = this
    if (credentials?.registryToken) return `Bearer ${credentials.registryToken}`
    if (!this.#challenge) return undefined
    if (this.#challenge.scheme === 'basic') return credentials ? basic(credentials) : undefined
    const known = this.#tokens.get(scope)
    if (known && known.endsAtMs > Date.now() + MARGIN_MS) return `Bearer ${known.value}`
    const token = await this.fetchToken(this.#challenge.parameters, scope)
    this.#tokens.set(scope, token)
    return `Bearer ${token.value}`
  }

  private async fetchToken({ realm = '', service = '' }: Record<string, string>, scope: string): Promise<Token> {
    const { credentials, dispatcher } = this
    const askedAtMs = Date.now()
    const response = credentials?.identityToken
      ? await request(realm, { dispatcher, method: 'POST', ...refresh(credentials.identityToken, service, scope) })
      : await request(withQuery(realm, { service, scope, account: credentials?.username ?? '' }), {
          dispatcher,
          headers: credentials?.username ? { authorization: basic(credentials) } : {},
        })
    if (response.statusCode === 401 || response.statusCode === 403) {
      await response.body.dump()
      throw new Unauthorized('unauthorized: incorrect username or password')
    }
    if (response.statusCode !== 200) {
      await response.body.dump()
      throw new Unavailable(`the token server at ${new URL(realm).host} answered ${response.statusCode}`)
    }
    const answer = (await response.body.json()) as { token?: string; access_token?: string; expires_in?: number }
    const value = answer.token ?? answer.access_token
    if (!value) throw new Unavailable(`the token server at ${new URL(realm).host} sent no token`)
    return { value, endsAtMs: askedAtMs + (answer.expires_in ?? DEFAULT_LIFE_S) * 1000 }
  }
}

const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

function withQuery(realm: string, values: Record<string, string>): string {
  const url = new URL(realm)
  for (const [key, value] of Object.entries(values)) {
    // Several scopes are several parameters of the name.
    for (const one of key === 'scope' ? value.split(' ') : [value]) if (one !== '') url.searchParams.append(key, one)
  }
  return url.href
}

const refresh = (identityToken: string, service: string, scope: string) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: identityToken,
    client_id: CLIENT_ID,
    service,
    scope,
  }).toString(),
})

/**
 * A token server as registries with bearer authentication send their clients to (spec/auth/token.md of
 * github.com/distribution/distribution): gives leave to whoever has the password, and remembers what it was asked.
 */

import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Certificate } from './certificates.ts'
import { disposeLater } from './disposal.ts'

export const SERVICE = 'skiff-test'
export const ISSUER = 'skiff-test-issuer'
const ANYBODY = { user: 'me', password: 'secret' }
/** What the server gives in the place of a password, and takes. */
export const REFRESH_TOKEN = 'refresh-me'

export interface TokenServer {
  realm: string
  /** Scopes that were asked for, and how. */
  asked: { scopes: string[]; kind: 'nobody' | 'password' | 'refresh' }[]
}

/** Everybody may pull from `open/…`; all else is for those with the password. */
export async function startTokenServer(signer: Certificate): Promise<TokenServer> {
  const key = createPrivateKey(await readFile(signer.key))
  const certificate = new X509Certificate(await readFile(signer.certificate)).raw.toString('base64')
  const asked: TokenServer['asked'] = []
  const server = createServer(async (request, response) => {
    const { scopes, kind } = await read(request)
    if (kind === 'wrong') {
      response.writeHead(401).end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'no' }] }))
      return
    }
    asked.push({ scopes, kind })
    const access = scopes.map(accessOf).filter(({ name }) => kind !== 'nobody' || name.startsWith('open/'))
    const granted = access.map(entry => (kind === 'nobody' ? { ...entry, actions: ['pull'] } : entry))
    response.end(JSON.stringify({ token: token(granted), expires_in: 300 }))
  })
  function token(access: object[]): string {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: ISSUER,
      sub: 'me',
      aud: SERVICE,
      exp: now + 300,
      nbf: now - 60,
      iat: now,
      jti: randomUUID(),
      access,
    }
    const signed = [{ typ: 'JWT', alg: 'ES256', x5c: [certificate] }, claims].map(encode).join('.')
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
    return `${signed}.${signature.toString('base64url')}`
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  disposeLater(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return { realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, asked }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

async function read(
  request: IncomingMessage,
): Promise<{ scopes: string[]; kind: 'nobody' | 'password' | 'refresh' | 'wrong' }> {
  if (request.method === 'POST') {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    const isRight = form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === REFRESH_TOKEN
    return { scopes: (form.get('scope') ?? '').split(' ').filter(Boolean), kind: isRight ? 'refresh' : 'wrong' }
  }
  const scopes = new URL(request.url ?? '/', 'http://x').searchParams.getAll('scope')
  const { authorization } = request.headers
  if (authorization === undefined) return { scopes, kind: 'nobody' }
  const expected = Buffer.from(`${ANYBODY.user}:${ANYBODY.password}`).toString('base64')
  return { scopes, kind: authorization === `Basic ${expected}` ? 'password' : 'wrong' }
}

function accessOf(scope: string): { type: string; name: string; actions: string[] } {
  const [type = '', ...rest] = scope.split(':')
  const actions = rest.pop() ?? ''
  return { type, name: rest.join(':'), actions: actions.split(',') }
}

/** A conversation with one registry about one repository: requests with authorization, retries with back-off, errors in Docker's words. */

import { setTimeout as pause } from 'node:timers/promises'
import { type Dispatcher, request } from 'undici'
import { NotFound, SkiffError, Unauthorized, Unavailable } from '../../kernel/errors.ts'
import { Authorization, type Credentials } from './authorization.ts'
import type { Endpoint } from './endpoints.ts'

const MAX_TRIES = 5
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000
const MAX_REDIRECTS = 5
const ERROR_BODY_BYTES = 64 * 1024

export interface SessionRequest {
  method: Dispatcher.HttpMethod
  /** Behind /v2/, or a whole URL that the registry named (Location). */
  path: string
  headers?: Record<string, string>
  body?: Dispatcher.DispatchOptions['body']
  /** Statuses that the caller handles; others become errors. */
  accept: readonly number[]
  /** A body that is a stream cannot be sent twice. */
  once?: boolean
}

export type SessionResponse = Dispatcher.ResponseData

/** What a registry refused; `code` is from the specification's table: 'MANIFEST_UNKNOWN', 'DENIED' … */
export class RegistryError extends SkiffError {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message)
  }
}

export class Session {
  private readonly authorization: Authorization

  constructor(
    readonly endpoint: Endpoint,
    credentials: Credentials | null,
    /** 'repository:library/busybox:pull,push' */
    private readonly scope: string,
    private readonly signal: AbortSignal,
  ) {
    this.authorization = new Authorization(credentials, endpoint.dispatcher)
  }

  /** @throws Unauthorized, RegistryError, Unavailable; and what `signal` was aborted with */
  async send(wanted: SessionRequest): Promise<SessionResponse> {
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.sendOnce(wanted)
        if (wanted.accept.includes(response.statusCode)) return response
        const error = await refusal(response)
        if (!isPassing(response.statusCode) || attempt === MAX_TRIES || wanted.once) throw error
        await this.wait(attempt, response.headers['retry-after'])
      } catch (error) {
        this.signal.throwIfAborted()
        if (error instanceof SkiffError) throw error
        if (attempt === MAX_TRIES || wanted.once || !isWorthRetrying(error)) throw unreachable(this.endpoint.url, error)
        await this.wait(attempt, undefined)
      }
    }
  }

  private async sendOnce(wanted: SessionRequest): Promise<SessionResponse> {
    const first = await this.dispatch(wanted)
    if (first.response.statusCode !== 401) return first.response
    const header = first.response.headers['www-authenticate']
    await first.response.body.dump()
    this.authorization.forget(this.scope)
    const isChallenge = this.authorization.learn(Array.isArray(header) ? header[0] : header, first.hadAuthorization)
    if (!isChallenge || wanted.once) throw new Unauthorized('unauthorized: authentication required')
    const second = await this.dispatch(wanted)
    if (second.response.statusCode !== 401) return second.response
    await second.response.body.dump()
    throw new Unauthorized('unauthorized: authentication required')
  }

  private async dispatch(wanted: SessionRequest): Promise<{ response: SessionResponse; hadAuthorization: boolean }> {
    let url = new URL(wanted.path, `${this.endpoint.url}/v2/`)
    const home = url.origin
    for (let redirects = 0; ; redirects++) {
      // A registry sends blobs from elsewhere (a CDN): who we are is not for that host.
      const authorization = url.origin === home ? await this.authorization.header(this.scope) : undefined
      const response = await request(url, {
        dispatcher: this.endpoint.dispatcher,
        method: wanted.method,
        headers: { 'user-agent': 'skiff', ...wanted.headers, ...(authorization ? { authorization } : {}) },
        ...(wanted.body === undefined ? {} : { body: wanted.body }),
        signal: this.signal,
      })
      const { location } = response.headers
      const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode) && typeof location === 'string'
      if (!isRedirect || wanted.method !== 'GET' || redirects === MAX_REDIRECTS)
        return { response, hadAuthorization: authorization !== undefined }
      await response.body.dump()
      url = new URL(location, url)
    }
  }

  /** Back-off doubles from try to try; a registry that names a time is obeyed, within reason. */
  private async wait(attempt: number, retryAfter: string | string[] | undefined): Promise<void> {
    const asked = Number(retryAfter) * 1000
    const ms = asked > 0 ? asked : FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
    await pause(Math.min(ms, LONGEST_PAUSE_MS), undefined, { signal: this.signal })
  }
}

const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500

/** A certificate that does not fit, or a host that does not exist, is the same the next time. */
function isWorthRetrying(error: unknown): boolean {
  const code = String((error as NodeJS.ErrnoException).code ?? '')
  return !/^(ENOTFOUND|ECONNREFUSED|ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO|HOSTNAME)/.test(code)
}

function unreachable(url: string, error: unknown): Unavailable {
  const { code, message } = error as NodeJS.ErrnoException
  return new Unavailable(`Get "${url}/v2/": ${code && !message?.includes(code) ? `${code}: ` : ''}${message}`, {
    cause: error,
  })
}

/** The registry's own words: {"errors": [{"code": …, "message": …}]}. */
async function refusal(response: SessionResponse): Promise<SkiffError> {
  const text = await limited(response)
  const status = response.statusCode
  let first: { code?: string; message?: string } | undefined
  try {
    first = (JSON.parse(text) as { errors?: { code?: string; message?: string }[] }).errors?.[0]
  } catch {
    // Not every proxy in front of a registry answers in JSON.
  }
  const code = first?.code ?? ''
  if (status === 404 && code === '') return new NotFound('not found')
  if (status === 429)
    return new RegistryError(`toomanyrequests: ${first?.message ?? 'too many requests'}`, status, code)
  const words = first
    ? `${code.toLowerCase().replaceAll('_', ' ')}: ${first.message ?? ''}`
    : `unexpected status from the registry: ${status}`
  return new RegistryError(words, status, code)
}

async function limited(response: SessionResponse): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    if (bytes > ERROR_BODY_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

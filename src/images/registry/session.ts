/** A conversation with one registry about one repository: requests with authorization, redirects, retries with back-off. */

import { setTimeout as pause } from 'node:timers/promises'
import { type Dispatcher, request } from 'undici'
import { SkiffError, Unauthorized, Unavailable } from '../../kernel/errors.ts'
import { Authorization, type Credentials } from './authorization.ts'
import type { Endpoint } from './endpoints.ts'
import { refusal, unreachable } from './refusals.ts'

/** As dockerd's --max-download-attempts is by default, and its uploads always. */
export const USUAL_TRIES = 5
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000
/** As many as Go's client follows, which registries are tried with. */
const MAX_REDIRECTS = 10

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
  /** What the request needs leave for besides the session's own repository. */
  furtherScope?: string
  /** Ends this request alone; the session's own signal ends it too. */
  signal?: AbortSignal | undefined
}

export type SessionResponse = Dispatcher.ResponseData

export interface Pause {
  signal?: AbortSignal | undefined
  /** Told before a pause that a user would notice, in seconds. */
  onRetry?: (seconds: number) => void
}

export interface SessionOptions {
  endpoint: Endpoint
  credentials: Credentials | null
  /** 'repository:library/busybox:pull,push' */
  scope: string
  signal: AbortSignal
  maxTries?: number
}

export class Session {
  readonly endpoint: Endpoint
  readonly maxTries: number
  readonly #scope: string
  readonly #signal: AbortSignal
  readonly #authorization: Authorization
  #hasAnswered = false

  constructor({ endpoint, credentials, scope, signal, maxTries = USUAL_TRIES }: SessionOptions) {
    this.endpoint = endpoint
    this.maxTries = maxTries
    this.#scope = scope
    this.#signal = signal
    this.#authorization = new Authorization(credentials, endpoint.dispatcher)
  }

  throwIfAborted(signal?: AbortSignal): void {
    this.#signal.throwIfAborted()
    signal?.throwIfAborted()
  }

  /** @throws Unauthorized, RegistryError, Unavailable; and what the signals were aborted with */
  async send(wanted: SessionRequest): Promise<SessionResponse> {
    for (let attempt = 1; ; attempt++) {
      let retryAfter: string | string[] | undefined
      try {
        const response = await this.#sendOnce(wanted)
        this.#hasAnswered = true
        if (wanted.accept.includes(response.statusCode)) return response
        const error = await refusal(response)
        if (!isPassing(response.statusCode) || attempt >= this.maxTries || wanted.once) throw error
        retryAfter = response.headers['retry-after']
      } catch (error) {
        this.throwIfAborted(wanted.signal)
        if (error instanceof SkiffError) throw error
        // Https that is not answered is no reason to wait where plain http comes next.
        const tries = this.endpoint.isFirstGuess && !this.#hasAnswered ? 1 : this.maxTries
        if (attempt >= tries || wanted.once || !isWorthRetrying(error)) throw unreachable(this.endpoint.url, error)
      }
      await this.pauseBefore(attempt, { signal: wanted.signal }, retryAfter)
    }
  }

  /** Back-off doubles from try to try; a registry that names a time is obeyed, within reason. */
  async pauseBefore(attempt: number, { signal, onRetry }: Pause, retryAfter?: string | string[]): Promise<void> {
    const ms = Math.min(
      askedMs(retryAfter) || FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.75 + Math.random() / 2),
      LONGEST_PAUSE_MS,
    )
    if (ms >= 1000) onRetry?.(Math.round(ms / 1000))
    await pause(ms, undefined, { signal: this.#either(signal) })
  }

  async #sendOnce(wanted: SessionRequest): Promise<SessionResponse> {
    const scope = wanted.furtherScope ? `${this.#scope} ${wanted.furtherScope}` : this.#scope
    const first = await this.#dispatch(wanted, scope)
    if (first.response.statusCode !== 401) return first.response
    const header = first.response.headers['www-authenticate']
    this.#authorization.forget(scope)
    const isChallenge = this.#authorization.learn(Array.isArray(header) ? header[0] : header, first.hadAuthorization)
    if (!isChallenge || wanted.once) throw await unauthorized(first.response, !first.hadAuthorization)
    await first.response.body.dump()
    const second = await this.#dispatch(wanted, scope)
    if (second.response.statusCode !== 401) return second.response
    throw await unauthorized(second.response, !second.hadAuthorization)
  }

  async #dispatch(
    wanted: SessionRequest,
    scope: string,
  ): Promise<{ response: SessionResponse; hadAuthorization: boolean }> {
    let url = new URL(wanted.path, `${this.endpoint.url}/v2/`)
    const home = url.origin
    for (let redirects = 0; ; redirects++) {
      // A registry sends blobs from elsewhere (a CDN): who we are is not for that host.
      const authorization = url.origin === home ? await this.#authorization.header(scope) : undefined
      const response = await request(url, {
        dispatcher: this.endpoint.dispatcher,
        method: wanted.method,
        headers: { 'user-agent': 'skiff', ...wanted.headers, ...(authorization ? { authorization } : {}) },
        ...(wanted.body === undefined ? {} : { body: wanted.body }),
        signal: this.#either(wanted.signal),
      })
      const target = redirectOf(response, wanted)
      if (target === null) return { response, hadAuthorization: authorization !== undefined }
      await response.body.dump()
      if (redirects === MAX_REDIRECTS) throw new Unavailable(`Get "${url.href}": stopped after ${redirects} redirects`)
      url = redirected(url, target)
    }
  }

  #either(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#signal : AbortSignal.any([this.#signal, signal])
  }
}

/** Where a request shall be repeated, if it can be: what has a body only where the status says that the body goes along. */
function redirectOf({ statusCode, headers }: SessionResponse, { method, once }: SessionRequest): string | null {
  const { location } = headers
  if (typeof location !== 'string' || once) return null
  const isRead = method === 'GET' || method === 'HEAD'
  return (isRead ? [301, 302, 303, 307, 308] : [307, 308]).includes(statusCode) ? location : null
}

function redirected(from: URL, location: string): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : null
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Unavailable(`Get "${from.href}": the registry redirects to ${JSON.stringify(location)}`)
  return url
}

/** A password was asked for, and none is known. */
export const NO_CREDENTIALS = 'no basic auth credentials'

async function unauthorized(response: SessionResponse, isNameless: boolean): Promise<Unauthorized> {
  const said = await refusal(response)
  const asked = String(response.headers['www-authenticate'] ?? '')
  if (isNameless && /^basic\b/i.test(asked)) return new Unauthorized(NO_CREDENTIALS)
  return new Unauthorized(said.code === '' ? 'unauthorized: authentication required' : said.message)
}

/** Retry-After is a number of seconds or a date: RFC 9110, section 10.2.3. 0 if there is none. */
function askedMs(retryAfter: string | string[] | undefined): number {
  if (typeof retryAfter !== 'string') return 0
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now()
  return ms > 0 ? ms : 0
}

const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500

/** A certificate that does not fit, or a host that does not exist, is the same the next time. */
function isWorthRetrying(error: unknown): boolean {
  const code = String((error as NodeJS.ErrnoException).code ?? '')
  return !/^(ENOTFOUND|ECONNREFUSED|ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO|HOSTNAME)/.test(code)
}

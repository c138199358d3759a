/** From a request to its answer: version, route, handler, errors. What every answer has in common is here. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Logger } from 'pino'
import { NotFound } from '../../kernel/errors.ts'
import type { Services } from '../services.ts'
import { BodyTooLarge } from './body.ts'
import { Call } from './call.ts'
import { ClientGone, type Connection } from './connection.ts'
import { messageOf, statusOf } from './errors.ts'
import type { Router } from './router.ts'
import { parseTarget, type Target } from './target.ts'
import { API_VERSION, checkVersion, compareVersions } from './version.ts'

/** From this version on errors are JSON. */
const JSON_ERRORS_SINCE = '1.24'

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  body: Readable
  signal: AbortSignal
  connection?: Connection
}

/** `route`: with the names of its parameters in place of their values; '' for none that exists. */
export type Observe = (request: { method: string; route: string; status: number; seconds: number }) => void

export interface Dispatcher {
  services: Services
  router: Router
  log: Logger
  debug: boolean
  observe?: Observe
  /** On every answer. */
  headers: Record<string, string>
}

let lastRequest = 0

export async function dispatch(dispatcher: Dispatcher, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  const number = ++lastRequest
  // Made where something is said: most requests say nothing.
  const log = (): Logger => dispatcher.log.child({ request: number })
  const target = parseTarget(request.url ?? '/')
  if (dispatcher.debug) {
    const began = performance.now()
    log().debug({ method: request.method, url: request.url }, 'request')
    response.once('close', () =>
      log().debug({ status: response.statusCode, ms: performance.now() - began }, 'answered'),
    )
  }
  if (dispatcher.observe) observe(dispatcher.observe, dispatcher.router, exchange, target)
  try {
    await answer(dispatcher, exchange, target, log)
  } catch (error) {
    sendError(exchange, target, error, log)
  }
}

function observe(tell: Observe, router: Router, { request, response }: Exchange, { path }: Target): void {
  const began = performance.now()
  const method = request.method ?? ''
  response.once('close', () => {
    const route = router.match(method, path)?.route.path ?? ''
    tell({ method, route, status: response.statusCode, seconds: (performance.now() - began) / 1000 })
  })
}

async function answer(dispatcher: Dispatcher, exchange: Exchange, target: Target, log: () => Logger): Promise<void> {
  const { request, response } = exchange
  if (target.redirect !== null) {
    response.writeHead(301, { Location: target.redirect, 'Content-Length': 0 }).end()
    return
  }
  const match = dispatcher.router.match(request.method ?? '', target.path)
  if (!match && request.method !== 'OPTIONS') throw new NotFound('page not found')
  for (const [name, value] of Object.entries(dispatcher.headers)) response.setHeader(name, value)
  if (target.version !== null) checkVersion(target.version)
  if (!match) {
    response.writeHead(200, { 'Content-Length': 0 }).end()
    return
  }
  const { services } = dispatcher
  const { query, version } = target
  await match.route.handler(
    new Call({ ...exchange, services, log, params: match.params, query, version: version ?? API_VERSION }),
  )
}

function sendError(
  { response, signal, connection }: Exchange,
  target: Target,
  error: unknown,
  log: () => Logger,
): void {
  // Nobody is there to be told, and a stream that broke with its client is no failure of ours. (What `request.aborted` says is no
  // more than that its body was not read to the end: by whoever has failed, perhaps.)
  if (signal.aborted || response.socket?.destroyed || error instanceof ClientGone) return
  const status = error instanceof BodyTooLarge ? 413 : statusOf(error)
  if (status === 500) log().error({ err: error }, 'request failed')
  else log().debug({ status, message: messageOf(error) }, 'request refused')
  if (response.headersSent || connection?.accepted) {
    response.destroy()
    return
  }
  if (status === 304) {
    response.writeHead(304).end()
    return
  }
  if (compareVersions(target.version ?? API_VERSION, JSON_ERRORS_SINCE) < 0) {
    response.setHeader('X-Content-Type-Options', 'nosniff')
    sendBody(response, status, 'text/plain; charset=utf-8', `${messageOf(error)}\n`)
  } else {
    sendBody(response, status, 'application/json', `${JSON.stringify({ message: messageOf(error) })}\n`)
  }
}

function sendBody(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body)
}

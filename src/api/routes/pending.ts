/** Endpoints that skiff knows of and does not serve yet: they say so, and what is missing has one list. */

import { NotImplemented } from '../../kernel/errors.ts'
import type { Method, Route } from '../http/router.ts'

const PENDING: [Method, string, string][] = [
  ['POST', '/build/cancel', 'cancelling a build'],
  ['POST', '/session', 'BuildKit sessions'],
  ['POST', '/grpc', 'BuildKit'],
]

export const pendingRoutes: Route[] = PENDING.map(([method, path, what]) => ({
  method,
  path,
  handler: () => Promise.reject(new NotImplemented(`${what} is not implemented in this version of skiff`)),
}))

/**
 * From a request's method and path to its handler. Routes are tried in the order in which they are listed. A parameter
 * `{name}` is one path segment, `{name*}` any number of them: names of images have slashes, and so have linked names of
 * containers. (That is why this is not one of the usual routers: they allow such a parameter at the end of a path only.)
 */

import type { Call } from './call.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
export type Handler = (call: Call) => Promise<void>

export interface Route {
  method: Method
  path: string
  handler: Handler
  /** The connection stops being HTTP: the handler gets the bare socket (`call.hijack`). */
  hijack?: boolean
}

export interface Match {
  route: Route
  params: Record<string, string>
}

export const get = (path: string, handler: Handler): Route => ({ method: 'GET', path, handler })
export const head = (path: string, handler: Handler): Route => ({ method: 'HEAD', path, handler })
export const post = (path: string, handler: Handler): Route => ({ method: 'POST', path, handler })
export const put = (path: string, handler: Handler): Route => ({ method: 'PUT', path, handler })
export const del = (path: string, handler: Handler): Route => ({ method: 'DELETE', path, handler })
export const hijacked = (route: Route): Route => ({ ...route, hijack: true })

const pattern = (path: string): RegExp =>
  new RegExp(
    `^${path.replaceAll(/\{(\w+)(\*?)\}/g, (_, name: string, many: string) => `(?<${name}>${many ? '.+' : '[^/]+'})`)}$`,
  )

const firstSegment = (path: string): string => path.split('/', 2)[1] ?? ''

export class Router {
  /** By method and first segment of the path: `GET containers`. */
  readonly #routes = new Map<string, { expression: RegExp; route: Route }[]>()

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const key = `${route.method} ${firstSegment(route.path)}`
      const list = this.#routes.get(key) ?? []
      list.push({ expression: pattern(route.path), route })
      this.#routes.set(key, list)
    }
  }

  #last = { method: '', path: '', match: null as Match | null }

  /** `path` is decoded and has no version. */
  match(method: string, path: string): Match | null {
    // Of one request it is asked three times.
    if (this.#last.method !== method || this.#last.path !== path)
      this.#last = { method, path, match: this.#find(method, path) }
    return this.#last.match
  }

  #find(method: string, path: string): Match | null {
    for (const { expression, route } of this.#routes.get(`${method} ${firstSegment(path)}`) ?? []) {
      const found = expression.exec(path)
      if (found) return { route, params: { ...found.groups } }
    }
    return null
  }
}

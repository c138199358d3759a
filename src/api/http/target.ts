/** The request target: version, path and query, taken apart. */

import { Query } from './query.ts'

export interface Target {
  /** As the client wrote it, without the v; null: none. */
  version: string | null
  /** Decoded, without the version. */
  path: string
  query: Query
  /** Where the client is sent when it wrote the path with `//`, `.` or `..`; null: nowhere. */
  redirect: string | null
}

const VERSION = /^\/v([0-9.]+)(\/.*)$/

/** As Go's path.Clean does it, keeping a slash at the end. */
function cleanPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  return `/${kept.join('/')}${path.length > 1 && path.endsWith('/') && kept.length > 0 ? '/' : ''}`
}

export function parseTarget(url: string): Target {
  const mark = url.indexOf('?')
  const [raw, search] = mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
  // An absolute target (http://host/path) is what proxies send.
  const rawPath = raw.replace(/^https?:\/\/[^/]*/, '') || '/'
  const path = decode(rawPath)
  const clean = cleanPath(path)
  const found = VERSION.exec(path)
  return {
    version: found?.[1] ?? null,
    path: found?.[2] ?? path,
    query: new Query(search),
    redirect: clean === path ? null : encodeURI(clean) + (mark < 0 ? '' : url.slice(mark)),
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

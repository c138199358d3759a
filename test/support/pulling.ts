/** Pulls and pushes over the API, with the lines of their progress. */

import type { Engine } from './engine.ts'

export type Line = {
  status?: string
  id?: string
  error?: string
  progressDetail?: { current?: number; total?: number }
}

export interface Auth {
  username?: string
  password?: string
  identitytoken?: string
  registrytoken?: string
}

const headersFor = (auth: Auth | undefined): Record<string, string> =>
  auth ? { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') } : {}

async function progress(engine: Engine, path: string, query: Record<string, string>, auth?: Auth): Promise<Line[]> {
  const { text, status } = await engine.api.request('POST', path, { query, headers: headersFor(auth) })
  const lines = text
    .trim()
    .split(/\r?\n/)
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Line & { message?: string })
  return status < 400 ? lines : lines.map(({ message, ...line }) => ({ ...line, error: message ?? '' }))
}

export const pull = (
  engine: Engine,
  fromImage: string,
  tag: string,
  { auth, platform }: { auth?: Auth; platform?: string } = {},
): Promise<Line[]> =>
  progress(engine, '/images/create', { fromImage, ...(tag && { tag }), ...(platform && { platform }) }, auth)

export const push = (engine: Engine, name: string, tag: string, auth?: Auth): Promise<Line[]> =>
  progress(engine, `/images/${name}/push`, tag ? { tag } : {}, auth)

export const errorOf = (lines: Line[]): string | undefined => lines.at(-1)?.error

/** @throws if the job failed */
export async function succeeded(lines: Promise<Line[]>): Promise<Line[]> {
  const all = await lines
  const error = errorOf(all)
  if (error !== undefined) throw new Error(error)
  return all
}

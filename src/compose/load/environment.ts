/** The variables that a project is read with, and those that its containers get. Source: compose-spec, "Interpolation" and "env_file". */

import { ComposeError } from '../errors.ts'
import type { Service } from '../project.ts'
import { parseDotenv } from './dotenv.ts'
import { exists, readText, shownPath } from './files.ts'
import type { Lookup } from './interpolate.ts'

export type Variables = Readonly<Record<string, string>>

/** The files in their order; what `known` has counts more than they. @throws ComposeError */
export async function readEnvFiles(
  files: readonly string[],
  known: Variables,
  cwd: string,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const file of files) {
    const source = { file: shownPath(cwd, file), folder: cwd }
    const lookup: Lookup = name => known[name] ?? found[name]
    Object.assign(found, Object.fromEntries(parseDotenv(await readText(file), source, lookup)))
  }
  return { ...found, ...known }
}

/** The service with its `env_file` and `label_file` read into `environment` and `labels`. @throws ComposeError */
export async function resolveFiles(service: Service, variables: Variables, cwd: string): Promise<Service> {
  const { env_file = [], label_file = [], ...rest } = service
  const environment: Record<string, string | null> = {}
  for (const { path, required, format } of env_file) {
    if (!(await exists(path))) {
      if (required) throw new ComposeError(`env file ${path} not found: stat ${path}: no such file or directory`)
      continue
    }
    const read = format === 'raw' ? rawPairs : parseDotenv
    const lookup: Lookup = name => variables[name] ?? environment[name] ?? undefined
    Object.assign(
      environment,
      Object.fromEntries(read(await readText(path), { file: shownPath(cwd, path), folder: cwd }, lookup)),
    )
  }
  for (const [name, value] of Object.entries(rest.environment ?? {}))
    environment[name] = value ?? variables[name] ?? null
  const labels: Record<string, string> = {}
  for (const path of label_file)
    Object.assign(
      labels,
      Object.fromEntries(
        parseDotenv(await readText(path), { file: shownPath(cwd, path), folder: cwd }, name => variables[name]),
      ),
    )
  Object.assign(labels, rest.labels)
  return {
    ...rest,
    ...(Object.keys(environment).length > 0 && { environment }),
    ...(Object.keys(labels).length > 0 && { labels }),
  }
}

/** `format: raw`: what stands behind the first = is the value, quotes and dollars included. */
function rawPairs(text: string, _source: unknown, lookup: Lookup): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*(#|$)/.test(line)) continue
    const equals = line.indexOf('=')
    const value = equals < 0 ? lookup(line.trim()) : line.slice(equals + 1)
    if (value !== undefined) found.set((equals < 0 ? line : line.slice(0, equals)).trim(), value)
  }
  return found
}

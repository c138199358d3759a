/** /etc/skiff/daemon.json: Docker's keys. Unknown keys are an error, and so is what both the file and a flag say. */

import { readFile } from 'node:fs/promises'
import { type ParseError, parse as parseJson, printParseErrorCode } from 'jsonc-parser'
import { hasCode, InvalidParameter } from '../kernel/errors.ts'
import { OPTIONS, type Option, type RawSettings } from './options.ts'

/** @throws InvalidParameter in dockerd's words */
export async function readConfigFile(path: string, { mustExist }: { mustExist: boolean }): Promise<RawSettings> {
  const text = await readText(path, mustExist)
  const file = parse(text, path)
  const known = new Set<string>(OPTIONS.map(({ key }) => key))
  const unknown = Object.keys(file).filter(key => !known.has(key))
  if (unknown.length > 0) {
    throw unable(path, `the following directives don't match any configuration option: ${unknown.join(', ')}`)
  }
  return file
}

const unable = (path: string, why: string): InvalidParameter =>
  new InvalidParameter(`unable to configure the skiff daemon with file ${path}: ${why}`)

async function readText(path: string, mustExist: boolean): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    if (mustExist) throw unable(path, `open ${path}: no such file or directory`)
    return ''
  }
}

/** JSON, with comments allowed. @throws InvalidParameter naming line and column */
function parse(text: string, path: string): RawSettings {
  if (text.trim() === '') return {}
  const errors: ParseError[] = []
  const value: unknown = parseJson(text, errors, { allowTrailingComma: true })
  const [first] = errors
  if (first) {
    const before = text.slice(0, first.offset).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw unable(path, `${printParseErrorCode(first.error)} at ${place}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as RawSettings
  throw unable(path, 'it is not a JSON object')
}

/** @throws InvalidParameter if something is said twice; lists of some kinds are united, as dockerd does */
export function combine(flags: RawSettings, file: RawSettings, path: string): RawSettings {
  const all: readonly Option[] = OPTIONS
  const combined: Record<string, unknown> = { ...file }
  const twice: string[] = []
  for (const { key, kind, flag } of all) {
    const fromFlag = (flags as Record<string, unknown>)[key]
    if (fromFlag === undefined) continue
    const fromFile = combined[key]
    if (fromFile === undefined) combined[key] = fromFlag
    else if (kind === 'map' || kind === 'ulimits') combined[key] = { ...(fromFile as object), ...(fromFlag as object) }
    else twice.push(`${flag}: (from flag: ${show(fromFlag)}, from file: ${show(fromFile)})`)
  }
  if (twice.length > 0) {
    throw unable(
      path,
      `the following directives are specified both as a flag and in the configuration file: ${twice.join(', ')}`,
    )
  }
  return combined
}

const show = (value: unknown): string => (Array.isArray(value) ? `[${value.join(' ')}]` : String(value))

/** dockerd's command line. */

import yargs from 'yargs'
import { InvalidParameter } from '../kernel/errors.ts'
import { ACTIONS, DEFAULT_CONFIG_FILE, OPTIONS, type Option, type RawSettings } from './options.ts'

export interface CommandLine {
  /** Only what was given. */
  given: RawSettings
  configFile: string
  /** A file that was asked for must be there. */
  configFileGiven: boolean
  /** Check the configuration and end. */
  validate: boolean
  /** Examine the host, print the findings as JSON, and end: what `skiff doctor` shows. */
  doctor: boolean
}

const TYPES = {
  text: 'string',
  switch: 'boolean',
  number: 'number',
  list: 'array',
  map: 'array',
  ulimits: 'array',
  pools: 'array',
} as const

/** `--help` and `--version` print and return null. @throws InvalidParameter */
export async function parseCommandLine(words: string[], version: string): Promise<CommandLine | null> {
  const all: readonly Option[] = OPTIONS
  let parser = yargs(words)
    .scriptName('skiffd')
    .usage('Usage: $0 [OPTIONS]\n\nA self-sufficient runtime for containers.')
    // One value each: `-H a b` shall not swallow b. 'no-proxy' is a name, not the opposite of 'proxy'.
    .parserConfiguration({
      'greedy-arrays': false,
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
    })
    .options(ACTIONS)
  for (const { flag, short, kind, describe } of all) {
    if (flag === null) continue
    const repeats = TYPES[kind] === 'array'
    parser = parser.option(flag, {
      type: repeats ? 'string' : TYPES[kind],
      ...(repeats && { array: true }),
      ...(short !== undefined && { alias: short }),
      describe,
    })
  }
  const parsed = await parser
    .strict()
    .alias('version', 'v')
    .version(version)
    .help()
    .exitProcess(false)
    .fail((message, error) => {
      throw new InvalidParameter(message || error.message)
    })
    .parseAsync()
  if (parsed.help === true || parsed.version === true) return null
  const configFile = parsed['config-file']
  return {
    given: givenSettings(parsed as Record<string, unknown>),
    configFile: configFile ?? DEFAULT_CONFIG_FILE,
    configFileGiven: configFile !== undefined,
    validate: parsed.validate === true,
    doctor: parsed.doctor === true,
  }
}

function givenSettings(parsed: Record<string, unknown>): RawSettings {
  const all: readonly Option[] = OPTIONS
  const given: Record<string, unknown> = {}
  for (const { key, flag, kind } of all) {
    const value = flag === null ? undefined : parsed[flag]
    if (value === undefined) continue
    given[key] = convert(kind, value, flag ?? key)
  }
  return given
}

/** What a flag's words say, in the shape that the file has. */
function convert(kind: Option['kind'], value: unknown, flag: string): unknown {
  switch (kind) {
    case 'map':
      return Object.fromEntries((value as string[]).map(word => splitPair(word, flag)))
    case 'ulimits':
      return Object.fromEntries((value as string[]).map(word => ulimit(word, flag)))
    case 'pools':
      return (value as string[]).map(word => pool(word, flag))
    case 'list':
      return value
    default:
      // Said twice: the last one counts.
      return Array.isArray(value) ? value.at(-1) : value
  }
}

function splitPair(word: string, flag: string): [string, string] {
  const at = word.indexOf('=')
  if (at < 1) throw new InvalidParameter(`invalid argument "${word}" for "--${flag}": it must be key=value`)
  return [word.slice(0, at), word.slice(at + 1)]
}

/** nofile=1024:2048, or one number for both. */
function ulimit(word: string, flag: string): [string, { Name: string; Soft: number; Hard: number }] {
  const [name, limits] = splitPair(word, flag)
  const [soft = '', hard = soft] = limits.split(':')
  return [name, { Name: name, Soft: Number(soft), Hard: Number(hard) }]
}

/** base=10.10.0.0/16,size=24 */
function pool(word: string, flag: string): { base: string; size: number } {
  const fields = Object.fromEntries(word.split(',').map(field => splitPair(field, flag)))
  return { base: fields.base ?? '', size: Number(fields.size) }
}

/** The log driver and its options: which there are, and what they must look like. */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { ContainerConfig, LogConfig } from '../types.ts'

const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?$/i
const FACTORS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

const JSON_FILE_OPTIONS = [
  'max-file',
  'max-size',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'mode',
  'max-buffer-size',
]

/** @throws InvalidParameter */
export function checkLogConfig({ type, config }: LogConfig): void {
  if (type === 'none') return
  if (type !== '' && type !== 'json-file') {
    throw new InvalidParameter(`error looking up logging plugin ${type}: plugin "${type}" not found`)
  }
  for (const name of Object.keys(config)) {
    if (!JSON_FILE_OPTIONS.includes(name)) {
      throw new InvalidParameter(`unknown log opt '${name}' for json-file log driver`)
    }
  }
  const { maxBytes, maxFiles } = rotation(config)
  if (maxBytes === null && maxFiles > 1) {
    throw new InvalidParameter('max-size must be set to a value greater than 0 when max-file is greater than 1')
  }
  if (config.compress === 'true') {
    throw new InvalidParameter("log opt 'compress' is not supported yet: rotated logs are kept as they are")
  }
}

/** Docker's defaults: never rotate, one file. @throws InvalidParameter */
export function rotation(config: Record<string, string>): { maxBytes: number | null; maxFiles: number } {
  const maxFiles = config['max-file'] === undefined ? 1 : Number(config['max-file'])
  if (!Number.isInteger(maxFiles)) throw new InvalidParameter(`invalid value for max-file: ${config['max-file']}`)
  if (maxFiles < 1) throw new InvalidParameter('max-file cannot be less than 1')
  return { maxBytes: sizeOf(config['max-size'] ?? '-1'), maxFiles }
}

function sizeOf(text: string): number | null {
  if (text === '-1') return null
  const [, digits, unit = ''] = SIZE.exec(text) ?? []
  if (digits === undefined) throw new InvalidParameter(`invalid size: '${text}'`)
  const bytes = Math.floor(Number(digits) * (FACTORS[unit.toLowerCase()] ?? 1))
  if (bytes <= 0) throw new InvalidParameter('max-size must be a positive number')
  return bytes
}

/** What `labels`, `env` and `tag` add to every entry; null: nothing. `short`: the id's first twelve digits. */
export function logAttributes(
  { config }: LogConfig,
  { labels, env, image }: Pick<ContainerConfig, 'labels' | 'env' | 'image'>,
  { id, name }: { id: string; name: string },
): Record<string, string> | null {
  const variables = Object.fromEntries(env.filter(entry => entry.includes('=')).map(splitVariable))
  const attributes = {
    ...select(labels, config.labels, config['labels-regex']),
    ...select(variables, config.env, config['env-regex']),
    ...(config.tag ? { tag: expandTag(config.tag, { id, name, image }) } : {}),
  }
  return Object.keys(attributes).length > 0 ? attributes : null
}

const splitVariable = (entry: string): [string, string] => {
  const at = entry.indexOf('=')
  return [entry.slice(0, at), entry.slice(at + 1)]
}

function select(all: Record<string, string>, names = '', pattern = ''): Record<string, string> {
  const wanted = names.split(',').filter(name => name !== '')
  const regex = pattern === '' ? null : new RegExp(pattern)
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name) || regex?.test(name)))
}

/** The markup that Docker's log tags take: {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}}, {{.DaemonName}}. */
function expandTag(tag: string, { id, name, image }: { id: string; name: string; image: string }): string {
  const values: Record<string, string> = {
    ID: id.slice(0, 12),
    FullID: id,
    Name: name,
    ImageName: image,
    DaemonName: 'docker',
  }
  return tag.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, field: string) => values[field] ?? whole)
}

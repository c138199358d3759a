/** What the options `labels`, `labels-regex`, `env`, `env-regex` and `tag` add to entries. */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { ConfigRecord } from '../store/record.ts'
import { checkTag, expandTag } from './tag.ts'

type Options = Record<string, string>

/** @throws InvalidParameter for a pattern or a tag that is none */
export function checkAttributes(options: Options): void {
  pattern(options['labels-regex'])
  pattern(options['env-regex'])
  if (options.tag) checkTag(options.tag)
}

/** Chosen labels and variables. */
export function extraAttributes(options: Options, { config }: Pick<ConfigRecord, 'config'>): Record<string, string> {
  const variables = Object.fromEntries(config.env.filter(entry => entry.includes('=')).map(splitVariable))
  return {
    ...select(config.labels, options.labels, options['labels-regex']),
    ...select(variables, options.env, options['env-regex']),
  }
}

/** Docker's own for syslog and the journal is the short id. @throws InvalidParameter */
export function tagOf(options: Options, record: ConfigRecord): string {
  const { id, name, imageId, path, args, created, config } = record
  return expandTag(options.tag || '{{.ID}}', { id, name, imageId, path, args, created, image: config.image })
}

/** What each entry of a json-file carries; null: nothing. */
export function jsonFileAttributes(options: Options, record: ConfigRecord): Record<string, string> | null {
  const attributes = {
    ...extraAttributes(options, record),
    ...(options.tag ? { tag: tagOf(options, record) } : {}),
  }
  return Object.keys(attributes).length > 0 ? attributes : null
}

const splitVariable = (entry: string): [string, string] => {
  const at = entry.indexOf('=')
  return [entry.slice(0, at), entry.slice(at + 1)]
}

function select(all: Record<string, string>, names = '', regex = ''): Record<string, string> {
  const wanted = names.split(',').filter(name => name !== '')
  const matches = pattern(regex)
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name) || matches?.test(name)))
}

function pattern(regex = ''): RegExp | null {
  if (regex === '') return null
  try {
    return new RegExp(regex)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new InvalidParameter(`error parsing regexp: ${reason}`, { cause: error })
  }
}

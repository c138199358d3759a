/** The `filters` query parameter: `{"label":["a","b"]}`, or the older `{"label":{"a":true,"b":true}}`. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { type Json, JsonObject, parseJson } from './json.ts'
import { bool, list, map, ROOT, text } from './schema.ts'

const lists = map(list(text), 'map[string][]string')
const sets = map(map(bool, 'map[string]bool'), 'map[string]map[string]bool')

/** @throws InvalidParameter in the words of the daemon's decoder */
export function decodeFilters(parameter: string): Record<string, string[]> {
  if (parameter === '') return {}
  const json = parse(parameter)
  if (json === null) return {}
  if (json instanceof JsonObject && json.entries.every(([, values]) => values === null || Array.isArray(values))) {
    return lists.decode(json, ROOT)
  }
  const decoded = sets.decode(json, ROOT)
  return Object.fromEntries(Object.entries(decoded).map(([key, values]) => [key, Object.keys(values)]))
}

/** json.Unmarshal, which is used here, calls an end that comes too early otherwise than json.Decoder does. */
function parse(parameter: string): Json {
  try {
    return parseJson(parameter)
  } catch (error) {
    if (error instanceof InvalidParameter && /^(unexpected )?EOF$/.test(error.message)) {
      throw new InvalidParameter('unexpected end of JSON input')
    }
    throw error
  }
}

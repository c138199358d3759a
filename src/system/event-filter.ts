/** `docker events --filter`: every key must match, by any of its values (labels: by all of them). */

import type { Filters, SkiffEvent } from '../containers/types.ts'

export const matchesEvent = (event: SkiffEvent, filters: Filters): boolean =>
  Object.entries(filters).every(([key, values]) => values.length === 0 || matchesKey(event, key, values))

function matchesKey(event: SkiffEvent, key: string, values: string[]): boolean {
  switch (key) {
    case 'type':
      return values.includes(event.type)
    case 'event':
      // 'exec_start' finds 'exec_start: sh -c ls' too.
      return values.some(value => event.action === value || event.action.startsWith(`${value}:`))
    case 'container':
    case 'volume':
    case 'network':
    case 'daemon':
      return event.type === key && values.some(value => names(event, value))
    case 'image':
      return matchesImage(event, values)
    case 'label':
      return values.every(value => matchesLabel(event, value))
    case 'scope':
      return values.includes('local')
    default:
      return false
  }
}

const names = ({ actorId, attributes }: SkiffEvent, value: string): boolean =>
  attributes.name === value || (value !== '' && actorId.startsWith(value))

/** Events of an image, and those of the containers that were made of it. */
function matchesImage(event: SkiffEvent, values: string[]): boolean {
  const own = event.type === 'image' ? [event.actorId, event.attributes.name ?? ''] : [event.attributes.image ?? '']
  return values.some(value => own.some(name => name === value || withoutTag(name) === value))
}

const withoutTag = (name: string): string => name.replace(/(@.*|:[^/:]*)$/, '')

function matchesLabel({ attributes }: SkiffEvent, value: string): boolean {
  const [key = '', wanted] = splitOnce(value)
  return key in attributes && (wanted === undefined || attributes[key] === wanted)
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

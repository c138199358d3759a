/** Streams of JSON values one after the other, as progress, events and statistics come. */

import type { Readable } from 'node:stream'

/** The text of each value as soon as it is complete. A value ends with its line, or with the stream. */
export async function* jsonTexts(source: Readable): AsyncGenerator<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of source as AsyncIterable<Buffer>) {
    text += decoder.decode(chunk, { stream: true })
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      const line = text.slice(start, end).trim()
      start = end + 1
      if (line) yield line
    }
    text = text.slice(start)
  }
  if (text.trim()) yield text.trim()
}

/** Each value as soon as it is complete. */
export async function* jsonLines<T>(source: Readable): AsyncGenerator<T> {
  for await (const text of jsonTexts(source)) yield JSON.parse(text) as T
}

/** A command line in one string, split as a shell would without expanding anything. Source: compose-spec, "command". */

import { type Decoder, fail, list, text } from './decode.ts'

/** @throws Error for an open quote */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (let i = 0; i < line.length; i++) {
    const character = line[i] ?? ''
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (character === "'" || character === '"') {
      const end = closing(line, i + 1, character)
      word = (word ?? '') + unquote(line.slice(i + 1, end), character)
      i = end
    } else if (character === '\\') {
      word = (word ?? '') + (line[++i] ?? '')
    } else word = (word ?? '') + character
  }
  return word === undefined ? words : [...words, word]
}

function closing(line: string, from: number, quote: string): number {
  for (let i = from; i < line.length; i++) {
    if (line[i] === quote) return i
    if (quote === '"' && line[i] === '\\') i++
  }
  throw new Error('EOF found when expecting closing quote')
}

const unquote = (inner: string, quote: string): string =>
  quote === '"'
    ? inner.replaceAll(/\\(["\\$`\n])/g, (_all, character: string) => (character === '\n' ? '' : character))
    : inner

/** A line or a list of words; nothing means: as the image says. */
export const command: Decoder<string[] | null> = (node, path) => {
  if (node.kind === 'list') return list(text)(node, path)
  if (node.kind === 'scalar' && node.value === null) return null
  const line = text(node, path)
  try {
    return splitWords(line)
  } catch (error) {
    return fail(node, `${path}: invalid command line string: ${(error as Error).message}`)
  }
}

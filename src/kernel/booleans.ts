/** The words that Go's strconv.ParseBool takes, and Docker with it: in filters, and in options of networks and logs. */

const WORDS = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map(word => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map(word => [word, false] as const),
])

/** undefined: it is none of them. */
export const booleanOf = (text: string): boolean | undefined => WORDS.get(text)

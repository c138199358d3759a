/** `--filter name=`: Docker takes what follows for a regular expression, of which any part of the name may be the match. */

/** What is no expression matches nothing but itself. */
export function namePattern(pattern: string): (text: string) => boolean {
  try {
    const expression = new RegExp(pattern)
    return text => text === pattern || expression.test(text)
  } catch {
    return text => text === pattern
  }
}

export const matchesPattern = (text: string, pattern: string): boolean => namePattern(pattern)(text)

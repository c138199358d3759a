/** `--filter name=`: Docker takes what follows for a regular expression, of which any part of the name may be the match. */

/** What is no expression matches nothing but itself. */
export function matchesPattern(text: string, pattern: string): boolean {
  if (text === pattern) return true
  try {
    return new RegExp(pattern).test(text)
  } catch {
    return false
  }
}

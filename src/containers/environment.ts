/** Lists of NAME=value. A bare NAME in a later list takes the name away. */

const nameOf = (entry: string): string => {
  const at = entry.indexOf('=')
  return at < 0 ? entry : entry.slice(0, at)
}

/** The image's variables below the user's own, as Docker orders them: the user's first. */
export function mergeImageEnv(own: readonly string[], image: readonly string[]): string[] {
  const named = new Set(own.map(nameOf))
  return [...own, ...image.filter(entry => !named.has(nameOf(entry)))]
}

/** What a process gets: later lists replace entries of earlier ones in place, and bare names remove them. */
export function overlayEnv(...lists: readonly (readonly string[])[]): string[] {
  const result = new Map<string, string>()
  for (const entry of lists.flat()) {
    if (entry.includes('=')) result.set(nameOf(entry), entry)
    else result.delete(entry)
  }
  return [...result.values()]
}

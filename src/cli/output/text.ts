/** Small forms that several listings share. */

/** The first 12 digits of an id. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12)

/** At most `length` characters; what is cut off leaves an ellipsis. */
export function ellipsis(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}

/** a=1,b=2, sorted by key. */
export const pairs = (map: Readonly<Record<string, string>> | null | undefined): string =>
  Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',')

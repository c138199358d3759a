/** Words of sh(1) for the shell equivalents of steps. */

/** Stands for the container's root folder in a step's shell equivalent. */
export const ROOT = '"$root"'

/** One word, whatever is in it. */
export const word = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

/** A path of the container as the script sees it, which stands outside. */
export const inRoot = (path: string): string => `${ROOT}${path === '/' ? '' : word(path)}`

/** --cap-add and --cap-drop. Source: capabilities(7) for the names. */

const ALL = 'ALL'

/** Full names in order, each once; adding ALL makes every other superfluous, and what is added is not dropped. */
export function capabilities(add: readonly string[], drop: readonly string[]) {
  const names = normalise(add)
  const added = names.includes(ALL) ? [ALL] : names
  const dropped = normalise(drop).filter(name => !added.includes(name))
  const orNull = (list: readonly string[]) => (list.length > 0 ? list : null)
  return { CapAdd: orNull(added), CapDrop: orNull(dropped) }
}

const normalise = (given: readonly string[]): string[] => [...new Set(given.map(fullName))].sort()

/** net_admin, NET_ADMIN, CAP_NET_ADMIN → CAP_NET_ADMIN */
function fullName(given: string): string {
  const name = given.trim().toUpperCase()
  return name === ALL || name.startsWith('CAP_') ? name : `CAP_${name}`
}

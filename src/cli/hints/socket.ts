/** What to do when the daemon's socket may not be opened. */

import { readFileSync, statSync } from 'node:fs'

/** Members of the socket's group may; root's group is not one to be given to anybody. */
export function socketForbidden(path: string): string {
  const group = groupOf(path)
  if (group === undefined || group === 'root') return 'run it as root: sudo skiff …'
  return `members of the group ${group} may: sudo usermod -aG ${group} $USER, then log in again. Or: sudo skiff …`
}

function groupOf(path: string): string | undefined {
  try {
    const { gid } = statSync(path)
    const lines = readFileSync('/etc/group', 'utf8').split('\n')
    return lines.map(line => line.split(':')).find(([, , id]) => id === String(gid))?.[0]
  } catch {
    return undefined
  }
}

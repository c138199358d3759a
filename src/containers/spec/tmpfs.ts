/** `--tmpfs /target:options`. See tmpfs(5), mount(8). */

import { posix } from 'node:path'
import { InvalidParameter } from '../../kernel/errors.ts'

const FLAGS = new Set([
  'defaults',
  'ro',
  'rw',
  'suid',
  'nosuid',
  'dev',
  'nodev',
  'exec',
  'noexec',
  'sync',
  'async',
  'dirsync',
  'remount',
  'mand',
  'nomand',
  'atime',
  'noatime',
  'diratime',
  'nodiratime',
  'bind',
  'rbind',
  'unbindable',
  'runbindable',
  'private',
  'rprivate',
  'shared',
  'rshared',
  'slave',
  'rslave',
  'relatime',
  'norelatime',
  'strictatime',
  'nostrictatime',
])
const VALUES = new Set(['mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'size', 'mpol'])

/** Docker's own options for a tmpfs, which the user's come after. */
const DEFAULTS = ['noexec', 'nosuid', 'nodev']

/** @throws InvalidParameter */
export function parseTmpfs(target: string, options: string): string[] {
  checkTarget(target)
  const own = options.split(',').filter(option => option !== '')
  for (const option of own) {
    const [name = ''] = option.split('=')
    if (option.includes('=') ? !VALUES.has(name) : !FLAGS.has(name)) {
      throw new InvalidParameter(`invalid tmpfs option ["${option}"]`)
    }
  }
  return [...DEFAULTS, ...own]
}

/** An absolute path that is not the root. @throws InvalidParameter */
export function checkTarget(target: string): void {
  if (!target.startsWith('/')) {
    throw new InvalidParameter(`invalid mount path: '${target}' mount path must be absolute`)
  }
  if (posix.normalize(target).replace(/\/+$/, '') === '') {
    throw new InvalidParameter("invalid specification: destination can't be '/'")
  }
}

/**
 * A running container's /etc/hosts and /etc/resolv.conf after a change of its networks or links. In place, not by renaming: it has
 * mounted these very files. At once, so that two changes do not meet; they are a few hundred bytes.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { replaceLines } from '../../networks/etc-files.ts'
import type { FileChange } from '../../networks/sandbox-files.ts'
import type { ContainerPaths } from '../store/files.ts'

export function rewriteFiles(
  { hosts, resolvConf }: Pick<ContainerPaths, 'hosts' | 'resolvConf'>,
  { before, after }: FileChange,
): void {
  if (before.hosts !== after.hosts)
    writeFileSync(hosts, replaceLines(readFileSync(hosts, 'utf8'), before.hosts, after.hosts))
  // Who has written a resolv.conf of his own wants his own servers.
  if (before.resolvConf !== after.resolvConf && readFileSync(resolvConf, 'utf8') === before.resolvConf)
    writeFileSync(resolvConf, after.resolvConf)
}

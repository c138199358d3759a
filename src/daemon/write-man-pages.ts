/** Writes the man pages below a folder: `node dist/daemon/write-man-pages.js DIR` makes DIR/man1 and DIR/man8. For bin/install-system. */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clientVersion } from '../cli/client-version.ts'
import { manPages } from '../cli/man/pages.ts'
import { daemonPage } from './man-page.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('where to? node dist/daemon/write-man-pages.js DIR')
const { version } = await clientVersion()
const [man1, man8] = [join(folder, 'man1'), join(folder, 'man8')]
await Promise.all([man1, man8].map(path => mkdir(path, { recursive: true })))
for (const { file, text } of await manPages(version)) await writeFile(join(man1, file), text)
await writeFile(join(man8, 'skiffd.8'), daemonPage(version))

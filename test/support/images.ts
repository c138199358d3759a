/** Root file systems and images to start from; fixtures.sh makes and keeps them. */

import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Engine } from './engine.ts'

const script = fileURLToPath(new URL('fixtures.sh', import.meta.url))
const run = promisify(execFile)

/** Archives of root file systems; `-image` are the same as `docker save` writes them. */
export type Fixture =
  | 'busybox.tar'
  | 'debian.tar'
  | 'services.tar'
  | 'java.tar'
  | 'busybox-image.tar'
  | 'debian-image.tar'

/** The path of a fixture. The first caller on a machine makes it: Debian's takes a minute. */
export async function fixture(name: Fixture): Promise<string> {
  const { stdout } = await run(script, [name])
  return join(stdout.trim(), name)
}

/** POST /images/create?fromSrc=-: a root file system becomes an image. `changes` are Dockerfile instructions. */
export async function importImage(
  engine: Engine,
  archive: string,
  reference: string,
  changes: string[] = [],
): Promise<void> {
  // A colon before the last slash belongs to a registry's port.
  const [, repo, tag = 'latest'] = /^(.*?)(?::([^/:]+))?$/.exec(reference) ?? []
  const answer = await engine.api.request('POST', '/images/create', {
    query: { fromSrc: '-', repo, tag, changes },
    body: createReadStream(archive),
    headers: { 'Content-Type': 'application/x-tar' },
  })
  if (answer.status !== 200 || answer.text.includes('"error"'))
    throw new Error(`import of ${archive}: ${answer.status} ${answer.text}`)
}

/** busybox:latest, CMD sh, of 2 MB. */
export const importBusybox = async (engine: Engine): Promise<void> =>
  importImage(engine, await fixture('busybox.tar'), 'busybox:latest', ['CMD ["sh"]'])

/** services:latest, of 385 MB: a Debian with redis, nginx, mariadb, their clients, curl and ab. */
export const importServices = async (engine: Engine): Promise<void> =>
  importImage(engine, await fixture('services.tar'), 'services:latest')

/** debian:bookworm, CMD bash, of 116 MB. */
export const importDebian = async (engine: Engine): Promise<void> =>
  importImage(engine, await fixture('debian.tar'), 'debian:bookworm', ['CMD ["bash"]'])

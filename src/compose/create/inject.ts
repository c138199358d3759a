/** Secrets and configs that are no files of this machine, or must look otherwise: copied into a container before it starts. */

import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import type { Engine } from '../../client/engine.ts'
import type { Project, Service } from '../project.ts'
import { targetOf } from '../schema/files.ts'
import { type FileUse, filesOf, isMounted } from './mounts.ts'

/** Readable by all, as Docker makes them. */
const MODE = 0o444

export async function injectFiles(engine: Engine, id: string, project: Project, service: Service): Promise<void> {
  const files = filesOf(project, service).filter(({ object, reference }) => !isMounted(object, reference))
  if (files.length === 0) return
  if (service.read_only)
    throw new Error(
      `cannot create secrets or configs from environment or content in the read-only service ${JSON.stringify(service.name)}: use a file`,
    )
  const archive = pack()
  for (const use of files) {
    const name = targetOf(use.reference, use.folder).slice(1)
    for (const folder of parents(name)) archive.entry({ name: `${folder}/`, type: 'directory', mode: 0o755 })
    const { mode = MODE, uid, gid } = use.reference
    archive.entry(
      { name, mode, uid: Number(uid ?? 0), gid: Number(gid ?? 0), mtime: new Date(0) },
      await contentOf(project, use),
    )
  }
  archive.finalize()
  const body = await buffer(Readable.from(archive, { objectMode: false }))
  await engine.call('PUT', `/containers/${id}/archive`, {
    query: { path: '/' },
    body,
    headers: { 'Content-Type': 'application/x-tar', 'Content-Length': String(body.length) },
  })
}

/** The folders on the way, but for the first: those of every image are left as they are. */
function parents(name: string): string[] {
  const folder = dirname(name)
  return folder === '.' ? [] : [...parents(folder), folder].filter(path => path.includes('/'))
}

async function contentOf(project: Project, { object, reference }: FileUse): Promise<Buffer> {
  if (object.content !== undefined) return Buffer.from(object.content)
  if (object.file !== undefined) return await readFile(object.file)
  const value = project.environment[object.environment ?? '']
  if (value === undefined)
    throw new Error(
      `environment variable ${JSON.stringify(object.environment)} required by file ${JSON.stringify(reference.source)} is not set`,
    )
  return Buffer.from(value)
}

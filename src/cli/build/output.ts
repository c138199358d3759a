/** `-o type=local,dest=DIR`: the files of the last stage in place of an image. */

import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Engine } from '../../client/engine.ts'
import { ApiError } from '../../client/errors.ts'
import { unpackInto } from '../copy/unpack.ts'
import { CommandError } from '../errors.ts'
import type { Session } from '../session.ts'

export interface Output {
  type: 'local' | 'tar' | 'docker'
  dest: string
}

/** `DIR`, `-`, or `type=…,dest=…`. @throws CommandError */
export function parseOutputs(texts: readonly string[]): Output[] {
  return texts.flatMap(text => {
    if (!text.includes('='))
      return [text === '-' ? { type: 'tar' as const, dest: '-' } : { type: 'local' as const, dest: text }]
    const fields = new Map(text.split(',').map(field => [field.replace(/=.*/, ''), field.replace(/^[^=]*=?/, '')]))
    const type = fields.get('type')
    const dest = fields.get('dest') ?? ''
    // An image is what a build makes anyhow.
    if (type === 'image' || (type === 'docker' && dest === '')) return []
    if (type !== 'local' && type !== 'tar' && type !== 'docker')
      throw new CommandError(`unknown or unsupported output type: ${type ?? ''}`)
    if (dest === '' || (type === 'local' && dest === '-')) throw new CommandError(`dest is required for ${type} output`)
    return [{ type, dest }]
  })
}

/** Files in a folder are the user's, whoever has them in the image; an archive keeps their owners. */
export async function writeOutput(
  { session, engine }: { session: Session; engine: Engine },
  image: string,
  { type, dest }: Output,
  isNamed: boolean,
): Promise<void> {
  const path = type === 'docker' ? `/images/${image}/get` : '/build/tree'
  const archive = await engine.request('GET', path, { query: type === 'docker' ? {} : { image } })
  if (type === 'local') {
    const folder = resolve(session.cwd, dest)
    await mkdir(folder, { recursive: true })
    await unpackInto(archive, { plan: { folder, rename: undefined }, keepOwner: false })
  } else if (dest === '-') await pipeline(archive, session.stdout, { end: false })
  else await pipeline(archive, createWriteStream(resolve(session.cwd, dest)))
  if (!isNamed) await forget(engine, image)
}

/** Nobody asked for an image. One that others have as well stays. */
async function forget(engine: Engine, image: string): Promise<void> {
  try {
    await engine.delete(`/images/${image}`)
  } catch (error) {
    if (!(error instanceof ApiError) || ![404, 409].includes(error.status)) throw error
  }
}

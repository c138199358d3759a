/** skiff rmi: removes names of images, and the image with its last name. */

import type { Engine } from '../../client/engine.ts'
import { isNotFound } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { CommandError, exitWith } from '../errors.ts'
import { bool, strings } from '../parse/flag.ts'

export const rmi = command({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  arity: [1, ANY],
  flags: {
    force: bool('Remove it even if stopped containers use it', { short: 'f' }),
    'no-prune': bool('Keep parents without a name'),
    platform: strings('Remove only this platform: os[/arch[/variant]]'),
  },
  async run({ session, engine, options, args }) {
    if (options.platform.length > 0)
      throw new CommandError('--platform is not supported by skiff: an image has one platform here')
    const query = { force: options.force, noprune: options['no-prune'] }
    const failures: string[] = []
    // One after the other: what the first removes may be what keeps the second.
    for (const image of args) {
      try {
        await write(session.stdout, await remove(engine, image, query))
      } catch (error) {
        // Gone is what --force wants; it is said, and no failure.
        const { message } = error as Error
        if (!(options.force && isNotFound(error))) failures.push(message)
        await write(session.stderr, `${message}\n`)
      }
    }
    if (failures.length > 0) throw exitWith(1, failures)
  },
})

async function remove(engine: Engine, image: string, query: { force: boolean; noprune: boolean }): Promise<string> {
  const removed = await engine.delete<{ Untagged?: string; Deleted?: string }[]>(`/images/${segment(image)}`, query)
  return removed
    .map(({ Untagged, Deleted }) => (Deleted ? `Deleted: ${Deleted}\n` : `Untagged: ${Untagged}\n`))
    .join('')
}

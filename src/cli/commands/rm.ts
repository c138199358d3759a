/** skiff rm: removes containers. */

import { isNotFound } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'
import { bool } from '../parse/flag.ts'

export const rm = command({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: {
    force: bool('Kill it first when it runs', { short: 'f' }),
    link: bool('Remove this link, not the container', { short: 'l' }),
    volumes: bool('Remove its anonymous volumes too', { short: 'v' }),
  },
  run: ({ session, engine, options, args }) =>
    forEach(session, args, async given => {
      const name = given.replace(/^\/+|\/+$/g, '')
      if (!name) throw new Error('container name cannot be empty')
      const { force, link, volumes } = options
      try {
        await engine.delete(`/containers/${name.split('/').map(segment).join('/')}`, {
          force,
          link,
          v: volumes,
        })
      } catch (error) {
        // Gone is what --force wants; it is said, and no failure.
        if (!force || !isNotFound(error)) throw error
        await write(session.stderr, `${(error as Error).message}\n`)
        return ''
      }
      return given
    }),
})

/** skiff compose pause and unpause */

import { findOwn, onEach, withProgress } from '../containers.ts'
import { subcommand } from '../subcommand.ts'

const freezing = (verb: 'pause' | 'unpause', states: readonly string[], words: readonly [string, string]) =>
  subcommand({
    usage: '[SERVICE...]',
    arity: [0, Number.POSITIVE_INFINITY],
    flags: {},
    async run(context) {
      const { containers } = await findOwn(context)
      const right = containers.filter(({ state }) => states.includes(state))
      await withProgress(context, around =>
        onEach(right, around, words, ({ id }) => context.engine.post(`/containers/${id}/${verb}`)),
      )
    },
  })

export const pause = freezing('pause', ['running', 'restarting'], ['Pausing', 'Paused'])
export const unpause = freezing('unpause', ['paused'], ['Unpausing', 'Unpaused'])

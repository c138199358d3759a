/** --scale SERVICE=NUMBER */

import { CommandError } from '../errors.ts'

export function parseScale(given: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    given.map(text => {
      const [, name, number] = /^([^=]+)=(\d+)$/.exec(text) ?? []
      if (name === undefined)
        throw new CommandError(`invalid --scale option ${JSON.stringify(text)}. Should be SERVICE=NUM`)
      return [name, Number(number)]
    }),
  )
}

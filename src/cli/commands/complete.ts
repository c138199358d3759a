/** skiff __complete -- WORDS: what the shells' scripts ask. Never an error: who presses Tab wants no messages. */

import { Engine } from '../../client/engine.ts'
import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { candidates } from '../completion/candidates.ts'
import { positionOf } from '../completion/line.ts'

export const complete = command({
  usage: '-- WORD...',
  arity: [0, ANY],
  interspersed: false,
  flags: {},
  async run({ session, engine, args }) {
    // As the words before say, or as this session; and no daemon is started for it.
    const asked = new Engine(engine.address, { closed: session.closed })
    try {
      const { list, files } = await candidates(await positionOf(args), asked)
      const lines = list.map(({ value, description }) => `${value}\t${description.split('\n')[0] ?? ''}`)
      await write(session.stdout, [...lines, ...(files ? [':files'] : []), ''].join('\n'))
    } catch {
      return 1
    } finally {
      asked.close()
    }
    return 0
  },
})

/** skiff diff: what a container has Added, Changed and Deleted in its file system. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'

interface Change {
  Kind: number
  Path: string
}

/** By the numbers of the API. */
const KINDS = ['C', 'A', 'D']

export const diff = command({
  usage: 'CONTAINER',
  arity: [1, 1],
  flags: {},
  async run({ session, engine, args }) {
    const rows = (await engine.get<Change[] | null>(`/containers/${segment(args[0] ?? '')}/changes`)) ?? []
    await write(
      session.stdout,
      rows
        .map(
          ({ Kind, Path }) => `${KINDS[Kind]} ${Path}
`,
        )
        .join(''),
    )
  },
})

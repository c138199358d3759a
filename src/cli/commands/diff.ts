/** skiff diff: what a container has Added, Changed and Deleted in its file system. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { jsonFlag, wantsJson, writeJsonLines } from '../output/json-lines.ts'

interface Change {
  Kind: number
  Path: string
}

/** By the numbers of the API. */
const KINDS = ['C', 'A', 'D']

export const diff = command({
  usage: '[OPTIONS] CONTAINER',
  arity: [1, 1],
  flags: { format: jsonFlag() },
  async run({ session, engine, options, args }) {
    const json = wantsJson(options.format)
    const rows = (await engine.get<Change[] | null>(`/containers/${segment(args[0] ?? '')}/changes`)) ?? []
    if (json)
      return await writeJsonLines(
        session,
        rows.map(({ Kind, Path }) => ({ Kind: KINDS[Kind], Path })),
      )
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

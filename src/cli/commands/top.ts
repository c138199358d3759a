/** skiff top: the processes of a container, as ps(1) shows them. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { jsonFlag, wantsJson, writeJsonLines } from '../output/json-lines.ts'
import { align } from '../output/table.ts'

export const top = command({
  usage: '[OPTIONS] CONTAINER [ps OPTIONS]',
  arity: [1, ANY],
  interspersed: false,
  flags: { format: jsonFlag() },
  async run({ session, engine, options, args }) {
    const [name = '', ...psArgs] = args
    const { Titles, Processes } = await engine.get<{ Titles: string[]; Processes: string[][] | null }>(
      `/containers/${segment(name)}/top`,
      { ps_args: psArgs.join(' ') || undefined },
    )
    if (wantsJson(options.format)) {
      const rows = (Processes ?? []).map(cells => Object.fromEntries(Titles.map((title, i) => [title, cells[i] ?? ''])))
      return await writeJsonLines(session, rows)
    }
    const lines = [Titles, ...(Processes ?? [])].map(cells => `${cells.join('\t')}\n`).join('')
    await write(session.stdout, align(lines, { minWidth: 20 }))
  },
})

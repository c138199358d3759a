/** skiff top: the processes of a container, as ps(1) shows them. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { align } from '../output/table.ts'

export const top = command({
  usage: 'CONTAINER [ps OPTIONS]',
  arity: [1, ANY],
  interspersed: false,
  flags: {},
  async run({ session, engine, args }) {
    const [name = '', ...psArgs] = args
    const { Titles, Processes } = await engine.get<{ Titles: string[]; Processes: string[][] | null }>(
      `/containers/${segment(name)}/top`,
      { ps_args: psArgs.join(' ') || undefined },
    )
    const lines = [Titles, ...(Processes ?? [])].map(cells => `${cells.join('\t')}\n`).join('')
    await write(session.stdout, align(lines, { minWidth: 20 }))
  },
})

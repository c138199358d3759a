/** skiff compose top: the processes of the containers that run. */

import { align } from '../../output/table.ts'
import { findOwn } from '../containers.ts'
import { say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const top = subcommand({
  usage: '[SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {},
  async run(context) {
    const { containers } = await findOwn(context)
    const running = containers.filter(({ state }) => state === 'running')
    const tables = await Promise.all(
      running.map(async ({ id, service, number }) => ({
        service,
        number,
        ...(await context.engine.get<{ Titles: string[]; Processes: string[][] | null }>(`/containers/${id}/top`)),
      })),
    )
    const titles = tables[0]?.Titles
    if (!titles) return
    const lines = tables.flatMap(({ service, number, Processes }) =>
      (Processes ?? []).map(cells => [service, String(number), ...cells]),
    )
    await say(
      context,
      align([['SERVICE', '#', ...titles], ...lines].map(line => `${line.join('\t')}\n`).join(''), {
        minWidth: 4,
        padding: 2,
      }),
    )
  },
})

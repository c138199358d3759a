/** skiff compose top: the processes of the containers that run. */

import { jsonFlag, wantsJson, writeJsonLines } from '../../output/json-lines.ts'
import { align } from '../../output/table.ts'
import { findOwn } from '../containers.ts'
import { say } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const top = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: { format: jsonFlag() },
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
    if (wantsJson(context.options.format)) return await writeJsonLines(context.session, tables.flatMap(rowsOf))
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

interface Processes {
  readonly service: string
  readonly number: number | string
  readonly Titles: readonly string[]
  readonly Processes: readonly (readonly string[])[] | null
}

const rowsOf = ({ service, number, Titles, Processes }: Processes): object[] =>
  (Processes ?? []).map(cells => ({
    Service: service,
    Number: String(number),
    ...Object.fromEntries(Titles.map((title, i) => [title, cells[i] ?? ''])),
  }))

/** The output of containers, line by line, with the name of each before it. */

import { copy, demultiplex } from '../../client/demultiplex.ts'
import type { Query } from '../../client/engine.ts'
import type { Container } from '../../compose/engine/observe.ts'
import { LineSink, type Prefixes } from './prefix.ts'
import type { ComposeContext } from './subcommand.ts'

type FollowContext = Pick<ComposeContext, 'session' | 'engine'>

/** `web-1` of `demo-web-1`; a name that the user chose stays. */
export const shortName = (project: string, name: string): string =>
  name.startsWith(`${project}-`) || name.startsWith(`${project}_`) ? name.slice(project.length + 1) : name

/** Resolves at the end of the stream: at once, or with `follow` when the container ends. */
export async function showLogs(
  { session, engine }: FollowContext,
  { id, name, project }: Pick<Container, 'id' | 'name' | 'project'>,
  prefixes: Prefixes,
  query: Query,
  signal?: AbortSignal,
): Promise<void> {
  const { Config } = await engine.get<{ Config: { Tty: boolean } }>(`/containers/${id}/json`)
  const prefix = () => prefixes.of(shortName(project, name))
  const [stdout, stderr] = [new LineSink(session.stdout, prefix), new LineSink(session.stderr, prefix)]
  const stream = await engine.request('GET', `/containers/${id}/logs`, {
    query: { stdout: true, stderr: true, ...query },
    ...(signal && { signal }),
  })
  try {
    if (Config.Tty) await copy(stream, stdout)
    else await demultiplex(stream, stdout, stderr)
  } catch (error) {
    if (!signal?.aborted) throw error
  } finally {
    await stdout.finish()
    await stderr.finish()
  }
}

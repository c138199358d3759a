/** skiff compose watch: files that change go into running containers, or have images built again. */

import { lstat } from 'node:fs/promises'
import { posix } from 'node:path'
import { write } from '../../../client/write.ts'
import { type Container, findContainers } from '../../../compose/engine/observe.ts'
import type { Project, Service } from '../../../compose/project.ts'
import { runHooks } from '../../../compose/run/hooks.ts'
import type { WatchRule } from '../../../compose/schema/develop.ts'
import { writeArchive } from '../../copy/container-path.ts'
import { packPath } from '../../copy/pack.ts'
import { CommandError } from '../../errors.ts'
import { bool } from '../../parse/flag.ts'
import { bringUp, createRequest, NO_CREATE_FLAGS } from '../bring-up.ts'
import { withProgress } from '../containers.ts'
import { openProject } from '../project.ts'
import { type ComposeContext, subcommand } from '../subcommand.ts'
import { type Change, watchRule } from '../watching.ts'

const FLAGS = {
  'no-up': bool('Do not build and start the services first'),
  quiet: bool('Show no progress', { short: 'q' }),
}
type WatchContext = ComposeContext<typeof FLAGS>

export const watch = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: FLAGS,
  async run(context) {
    const { session, args, options } = context
    const project = await openProject(context, args)
    const services = Object.values(project.services).filter(
      ({ name, develop }) => (args.length === 0 || args.includes(name)) && (develop?.watch?.length ?? 0) > 0,
    )
    if (services.length === 0)
      throw new CommandError(
        "none of the selected services is configured for watch, consider setting a 'develop' section",
      )
    const ended = new Promise<void>(resolve => {
      session.onSignal(signal => {
        if (['SIGINT', 'SIGTERM', 'SIGHUP'].includes(signal)) resolve()
      })
      session.closed?.addEventListener('abort', () => resolve())
    })
    if (!options['no-up']) await bring(context, project, args, true)
    const stops = await Promise.all(
      services.flatMap(service => (service.develop?.watch ?? []).map(rule => follow(context, project, service, rule))),
    )
    await write(session.stdout, 'Watch enabled\n')
    await ended
    for (const stop of stops) stop()
  },
})

const bring = (
  context: WatchContext,
  project: Project,
  services: readonly string[],
  withDependencies: boolean,
): Promise<unknown> =>
  withProgress(
    context.options.quiet ? { ...context, globals: { ...context.globals, progress: 'quiet' } } : context,
    around =>
      bringUp({
        ...createRequest(context, { ...NO_CREATE_FLAGS, build: !withDependencies }, project, around),
        services,
        withDependencies,
      }),
  )

async function follow(context: WatchContext, project: Project, service: Service, rule: WatchRule): Promise<() => void> {
  if (rule.action?.startsWith('sync') && !rule.target)
    throw new CommandError(`services.${service.name}.develop.watch: ${rule.action} needs a target`)
  if (rule.initial_sync) await sync(context, project, service, rule, [{ below: '', path: rule.path ?? '' }])
  return await watchRule(rule, changes =>
    react(context, project, service, rule, changes).catch(error =>
      write(context.session.stderr, `${service.name}: ${(error as Error).message}\n`),
    ),
  )
}

async function react(
  context: WatchContext,
  project: Project,
  service: Service,
  rule: WatchRule,
  changes: readonly Change[],
): Promise<void> {
  const { session, engine } = context
  const { action = 'sync' } = rule
  if (action === 'rebuild') {
    await write(
      session.stdout,
      `Rebuilding service(s) [${JSON.stringify(service.name)}] after changes were detected...\n`,
    )
    await bring(context, project, [service.name], false)
    return await write(session.stdout, `service(s) [${JSON.stringify(service.name)}] successfully built\n`)
  }
  if (action.startsWith('sync')) {
    await write(
      session.stdout,
      `Syncing service ${JSON.stringify(service.name)} after ${changes.length} changes were detected\n`,
    )
    await sync(context, project, service, rule, changes)
  }
  const containers = await running(context, project, service)
  if (action.endsWith('restart'))
    await Promise.all(containers.map(({ id }) => engine.post(`/containers/${id}/restart`)))
  if (action === 'sync+exec' && rule.exec)
    for (const { id, name } of containers) await runHooks(engine, id, name, [rule.exec])
}

const running = async ({ engine }: WatchContext, project: Project, { name }: Service): Promise<Container[]> =>
  (await findContainers(engine, project.name)).filter(item => item.service === name && !item.oneoff && item.running)

async function sync(
  context: WatchContext,
  project: Project,
  service: Service,
  rule: WatchRule,
  changes: readonly Change[],
): Promise<void> {
  const { engine } = context
  for (const { id, name } of await running(context, project, service))
    for (const { below, path } of changes) {
      const target = posix.join(rule.target ?? '/', below)
      const isThere = await lstat(path).then(
        () => true,
        () => false,
      )
      if (isThere) await writeArchive(engine, id, '/', packPath(path, target.slice(1)), false)
      else await runHooks(engine, id, name, [{ command: ['rm', '-rf', target] }])
    }
}

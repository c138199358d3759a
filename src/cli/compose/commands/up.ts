/** skiff compose up */

import type { Project } from '../../../compose/project.ts'
import type { Surroundings } from '../../../compose/run/report.ts'
import type { UpResult } from '../../../compose/run/up.ts'
import { CommandError } from '../../errors.ts'
import { wantsColour } from '../../output/colour.ts'
import { bool, int, list, string, type Values } from '../../parse/flag.ts'
import { type AbortOn, EXIT_INTERRUPTED, runAttached } from '../attached.ts'
import { bringUp, CREATE_FLAGS, createRequest, TIMEOUT } from '../bring-up.ts'
import { Prefixes } from '../prefix.ts'
import { openProject, surroundings } from '../project.ts'
import { type ComposeContext, subcommand } from '../subcommand.ts'
import { awaitRunning, completes } from '../wait-running.ts'

const FLAGS = {
  ...CREATE_FLAGS,
  'abort-on-container-exit': bool('Stop all containers when one ends'),
  'abort-on-container-failure': bool('Stop all containers when one fails'),
  'always-recreate-deps': bool('Recreate the services too that the named ones depend on'),
  attach: list('Show the output of these services alone', { type: 'stringArray' }),
  'attach-dependencies': bool('Show the output of the services too that the named ones depend on'),
  detach: bool('Leave the containers running in the background', { short: 'd' }),
  'exit-code-from': string('Exit as the container of this service; implies --abort-on-container-exit'),
  'no-attach': list('Do not show the output of these services', { type: 'stringArray' }),
  'no-color': bool('No colours'),
  'no-deps': bool('Leave services alone that the named ones depend on'),
  'no-log-prefix': bool('No names before the lines'),
  'no-start': bool('Create without starting'),
  'renew-anon-volumes': bool('Make new anonymous volumes', { short: 'V' }),
  timeout: TIMEOUT,
  timestamps: bool('Show when each line was written'),
  wait: bool('Wait until services run or are healthy; implies --detach'),
  'wait-timeout': int('Longest time to wait, in seconds'),
}
type UpContext = ComposeContext<typeof FLAGS>
type Options = Values<typeof FLAGS>

export const up = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: FLAGS,
  async run(context) {
    const { options, args } = context
    checkOptions(options)
    const project = await openProject(context, args)
    const from = options['exit-code-from']
    if (from && !project.services[from]) throw new CommandError(`no such service: ${from}`)
    const end = new AbortController()
    const around = await surroundings(context, end.signal)
    // From here on an interruption ends what has begun before it ends the command.
    const forget = context.session.onSignal(signal => {
      if (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'].includes(signal)) end.abort()
    })
    let result: UpResult
    try {
      result = await create(context, project, around)
    } catch (error) {
      throw end.signal.aborted ? new CommandError('canceled', EXIT_INTERRUPTED) : error
    } finally {
      forget()
      around.stop()
    }
    if (end.signal.aborted) throw new CommandError('canceled', EXIT_INTERRUPTED)
    if (options.detach || options.wait || options['no-start']) return await settle(context, project, result, around)
    return await attach(context, project, result, around)
  },
})

function checkOptions(options: Options): void {
  const aborts =
    options['abort-on-container-exit'] || options['abort-on-container-failure'] || options['exit-code-from']
  if (options.detach && aborts) throw new CommandError('--abort-on-container-exit and --detach are incompatible')
  if (options.wait && aborts) throw new CommandError('--wait cannot be combined with --abort-on-container-exit')
  if (options['no-start'] && (options.detach || options.wait))
    throw new CommandError('--no-start cannot be combined with --detach or --wait')
}

function create(context: UpContext, project: Project, around: Surroundings): Promise<UpResult> {
  const { options, args, given } = context
  const request = createRequest(context, options, project, around)
  return bringUp({
    ...request,
    services: args,
    withDependencies: !options['no-deps'],
    recreateDependencies: options['always-recreate-deps'] ? 'force' : request.recreateDependencies,
    // Attached, they start when somebody listens.
    start: options.detach || options.wait,
    timeoutS: given.has('timeout') ? options.timeout : undefined,
    renewVolumes: options['renew-anon-volumes'],
  })
}

async function settle(
  { engine, options }: UpContext,
  project: Project,
  result: UpResult,
  around: Surroundings,
): Promise<number> {
  if (!options.wait) return 0
  const containers = result.services.flatMap(({ name }) =>
    result.performer.namesOf([name]).map(own => ({ name: own, completes: completes(project, name) })),
  )
  try {
    await awaitRunning(engine, containers, options['wait-timeout'], around)
  } finally {
    ;(around as Surroundings & { stop(): void }).stop()
  }
  return 0
}

function attach(context: UpContext, project: Project, { services }: UpResult, around: Surroundings): Promise<number> {
  const { options, args, given, session, globals } = context
  const all = services.map(({ name }) => name)
  const asked =
    options.attach.length > 0 ? options.attach : args.length > 0 && !options['attach-dependencies'] ? args : all
  const shown = asked.filter(
    name =>
      !options['no-attach'].includes(name) &&
      (options.attach.includes(name) || project.services[name]?.attach !== false),
  )
  const abortOn: AbortOn = options['abort-on-container-failure']
    ? 'failure'
    : options['abort-on-container-exit'] || options['exit-code-from']
      ? 'exit'
      : 'never'
  const coloured = !options['no-color'] && wantsColour(session, globals.ansi)
  return runAttached({
    context,
    project,
    services: new Set(all),
    shown: new Set(shown),
    prefixes: new Prefixes(coloured, options['no-log-prefix']),
    timestamps: options.timestamps,
    abortOn,
    codeFrom: options['exit-code-from'],
    timeoutS: given.has('timeout') ? options.timeout : undefined,
    around,
  })
}

/** What `up`, `create`, `run` and `scale` have in common: their flags, and how a failure in the middle is told. */

import type { Recreate } from '../../compose/plan/reconcile.ts'
import type { Project } from '../../compose/project.ts'
import type { Surroundings } from '../../compose/run/report.ts'
import { leftBehind, type UpRequest, type UpResult, up } from '../../compose/run/up.ts'
import { CommandError } from '../errors.ts'
import { bool, int, list, single, type Values } from '../parse/flag.ts'
import { imageSupply } from './images.ts'
import { parseScale } from './scale.ts'
import type { ComposeContext } from './subcommand.ts'

const PULL = /^(|always|missing|if_not_present|never|build|policy)$/

export const CREATE_FLAGS = {
  build: bool('Build images before starting containers'),
  'force-recreate': bool('Recreate containers though nothing has changed'),
  'no-build': bool('Build no image, even if it is missing'),
  'no-recreate': bool('Leave containers as they are, even if their service has changed'),
  pull: single(
    'string',
    'Pull images: always, missing, never, or as their services say (policy)',
    '',
    text => {
      if (PULL.test(text)) return text === 'policy' ? '' : text
      throw new Error('must be one of always, missing, never, build, policy')
    },
    { shownDefault: '"policy"' },
  ),
  'quiet-pull': bool('Do not show how images are pulled'),
  'remove-orphans': bool('Remove containers of services that the files do not have'),
  scale: list('Number of containers: SERVICE=NUMBER', { type: 'scale' }),
  yes: bool('Ask nothing', { short: 'y', hidden: true }),
}

export const TIMEOUT = int('Seconds until a container is killed', { short: 't' })

export type CreateOptions = Values<typeof CREATE_FLAGS>

/** As if none of the flags were given: for commands that have few of them. */
export const NO_CREATE_FLAGS = Object.fromEntries(
  Object.entries(CREATE_FLAGS).map(([name, flag]) => [name, flag.initial]),
) as CreateOptions

/** The parts of a request that the flags say. @throws CommandError for flags that contradict each other */
export function createRequest(
  context: Pick<ComposeContext, 'session' | 'engine' | 'configFolder' | 'globals'>,
  options: CreateOptions,
  project: Project,
  around: Surroundings,
): UpRequest {
  if (options['force-recreate'] && options['no-recreate'])
    throw new CommandError('--force-recreate and --no-recreate are incompatible')
  if (options.build && options['no-build']) throw new CommandError('--build and --no-build are incompatible')
  const recreate: Recreate = options['force-recreate'] ? 'force' : options['no-recreate'] ? 'never' : 'diverged'
  return {
    engine: context.engine,
    project,
    services: [],
    withDependencies: true,
    images: {
      build: options.build ? 'always' : options['no-build'] ? 'never' : undefined,
      pull: options.pull || undefined,
    },
    scale: parseScale(options.scale),
    recreate,
    recreateDependencies: recreate === 'force' ? 'diverged' : recreate,
    start: true,
    removeOrphans: options['remove-orphans'],
    ignoreOrphans: /^(1|true)$/i.test(project.environment.COMPOSE_IGNORE_ORPHANS ?? ''),
    renewVolumes: false,
    around,
    supply: imageSupply(context, around, project),
  }
}

/** @throws CommandError that says what was started before the failure */
export async function bringUp(request: UpRequest): Promise<UpResult> {
  const result = await up(request)
  if (result.failure) throw failureOf(result)
  return result
}

function failureOf(result: UpResult): Error {
  const { started, notStarted } = leftBehind(result)
  const reason = result.failure?.message ?? ''
  if (started.length === 0) return new CommandError(reason)
  return new CommandError(
    `${reason}\nStarted: ${started.join(', ')}. Not started: ${notStarted.join(', ')}. What was started is left running; 'skiff compose down' removes it.`,
  )
}

/** Building the image of a service, as `skiff build` would with the same words. */

import { isAbsolute, join } from 'node:path'
import { Readable } from 'node:stream'
import { imageOf } from '../../compose/engine/images.ts'
import { LABEL } from '../../compose/engine/labels.ts'
import type { Project, Service } from '../../compose/project.ts'
import { BUILD_FLAGS, type BuildOptions } from '../build/flags.ts'
import { build } from '../commands/build.ts'
import { CommandError } from '../errors.ts'
import { parse } from '../parse/parse.ts'
import type { ComposeContext } from './subcommand.ts'

export interface BuildChoices {
  readonly noCache?: boolean
  readonly pull?: boolean
  readonly quiet?: boolean
  /** Further arguments, over those of the file. */
  readonly args?: readonly string[]
  readonly memory?: string
  readonly ssh?: string
  readonly progress?: string
  readonly version: string
}

type BuildContext = Pick<ComposeContext, 'session' | 'engine' | 'configFolder'>

/** @throws CommandError */
export async function buildService(
  context: BuildContext,
  project: Project,
  service: Service,
  choices: BuildChoices,
): Promise<void> {
  const { session } = context
  const words = buildWords(project, service, choices)
  const { options, args, given } = parse(words, BUILD_FLAGS, true)
  const inline = service.build?.dockerfile_inline
  await build.run({
    ...context,
    session: {
      ...session,
      // Variables of .env count as the shell's.
      env: { ...project.environment, ...session.env },
      cwd: project.folder,
      stdin: inline === undefined ? session.stdin : Readable.from([Buffer.from(inline)], { objectMode: false }),
      stdout: session.stdout,
      stderr: session.stderr,
      isTerminal: session.isTerminal,
    },
    options: options as BuildOptions,
    args,
    given,
  })
}

/** The command line of `skiff build`. */
export function buildWords(project: Project, service: Service, choices: BuildChoices): string[] {
  const { build: how, platform } = service
  if (!how) throw new CommandError(`service ${JSON.stringify(service.name)} has no build`)
  const platforms = how.platforms ?? (platform ? [platform] : [])
  if (platforms.length > 1)
    throw new CommandError(`services.${service.name}.build.platforms: an image is built for one platform only`)
  const each = (flag: string, values: readonly string[] = []) => values.flatMap(value => [flag, value])
  const one = (flag: string, value: string | number | undefined) =>
    value === undefined || value === '' ? [] : [flag, String(value)]
  const pairs = (map: Readonly<Record<string, string | null>> = {}) =>
    Object.entries(map).map(([key, value]) => (value === null ? key : `${key}=${value}`))
  const own = { [LABEL.project]: project.name, [LABEL.service]: service.name, [LABEL.version]: choices.version }
  return [
    ...each('--tag', [imageOf(project, service), ...(how.tags ?? [])]),
    ...each('--build-arg', [...pairs(how.args), ...(choices.args ?? [])]),
    ...each('--label', pairs({ ...how.labels, ...own })),
    ...each('--cache-from', how.cache_from),
    ...each('--add-host', how.extra_hosts),
    ...each('--build-context', pairs(contexts(project, how.additional_contexts))),
    ...each('--secret', secrets(project, service)),
    ...each('--ssh', [...(how.ssh ?? []), ...(choices.ssh ? [choices.ssh] : [])]),
    ...each(
      '--ulimit',
      Object.entries(how.ulimits ?? {}).map(
        ([name, limit]) => `${name}=${typeof limit === 'number' ? limit : `${limit.soft}:${limit.hard}`}`,
      ),
    ),
    ...one('--target', how.target),
    ...one('--network', how.network),
    ...one('--shm-size', how.shm_size),
    ...one('--platform', platforms[0]),
    ...one('--memory', choices.memory),
    ...one('--file', dockerfile(how)),
    ...(how.no_cache || choices.noCache ? ['--no-cache'] : []),
    ...(how.pull || choices.pull ? ['--pull'] : []),
    ...one('--progress', choices.quiet ? 'quiet' : choices.progress),
    how.context,
  ]
}

/** Relative to the context. */
function dockerfile({
  context,
  dockerfile: file,
  dockerfile_inline: inline,
}: NonNullable<Service['build']>): string | undefined {
  if (inline !== undefined) return '-'
  return file === undefined || isAbsolute(file) || /^[a-z]+:\/\//.test(context) ? file : join(context, file)
}

function contexts(project: Project, given: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, source]) => {
      const service = /^service:(.+)$/.exec(source)?.[1]
      const other = service === undefined ? undefined : project.services[service]
      return [name, other ? `docker-image://${imageOf(project, other)}` : source]
    }),
  )
}

function secrets(project: Project, { build: how }: Service): string[] {
  return (how?.secrets ?? []).map(({ source, target }) => {
    const secret = project.secrets[source]
    const id = `id=${target ?? source}`
    return secret?.file === undefined ? `${id},env=${secret?.environment ?? ''}` : `${id},src=${secret.file}`
  })
}

/** The project that a command line is about, and what its commands have around them. */

import { text as readAll } from 'node:stream/consumers'
import { write } from '../../client/write.ts'
import { type LoadOptions, loadProject, locate, projectName } from '../../compose/load/load.ts'
import type { Project } from '../../compose/project.ts'
import type { Surroundings } from '../../compose/run/report.ts'
import { clientVersion } from '../client-version.ts'
import { CommandError } from '../errors.ts'
import { Progress } from './progress.ts'
import type { ComposeContext } from './subcommand.ts'

type AnyContext = Pick<ComposeContext, 'session' | 'globals'>

export function loadOptions({ session, globals }: AnyContext): LoadOptions {
  return {
    cwd: session.cwd,
    env: session.env,
    stdin: () => readAll(session.stdin),
    warn: message => void session.stderr.write(`WARN: ${message}\n`),
    files: globals.file,
    name: globals['project-name'],
    profiles: globals.profile,
    envFiles: globals['env-file'],
    folder: globals['project-directory'],
  }
}

/** `wanted`: services named on the command line, whose profiles are active by that. @throws ComposeError */
export const openProject = (
  context: AnyContext,
  wanted: readonly string[] = [],
  more: Partial<LoadOptions> = {},
): Promise<Project> => loadProject({ ...loadOptions(context), wanted, ...more })

/**
 * For commands that labels are enough for: with -p or COMPOSE_PROJECT_NAME no file is needed. The project is undefined where
 * there is none.
 */
export async function openNamed(
  context: AnyContext,
  wanted: readonly string[] = [],
): Promise<{ name: string; project: Project | undefined }> {
  const given = context.globals['project-name'] || context.session.env.COMPOSE_PROJECT_NAME
  if (given && context.globals.file.length === 0) {
    const found = await locate(loadOptions(context)).catch(() => undefined)
    if (!found) return { name: projectName(given, undefined, ''), project: undefined }
  }
  const project = await openProject(context, wanted)
  return { name: project.name, project }
}

/** Progress goes to stderr; `stop` leaves the last state on the screen. */
export async function surroundings(
  { session, globals }: AnyContext,
  signal?: AbortSignal,
): Promise<Surroundings & { stop(): void }> {
  const { version } = await clientVersion()
  const tty =
    globals.progress === 'tty' || (globals.progress === 'auto' && globals.ansi !== 'never' && session.isTerminal.stderr)
  const progress = new Progress(
    session.stderr,
    tty ? (session.windowSize() ?? { rows: 24, columns: 80 }) : undefined,
    globals.progress === 'quiet',
  )
  return {
    version,
    report: report => progress.report(report),
    warn: message => progress.say(`WARN: ${message}`),
    stop: () => progress.stop(),
    ...(signal && { signal }),
  }
}

/** @throws CommandError for a service that the project does not have */
export function checkServices(project: Project | undefined, names: readonly string[]): void {
  for (const name of names)
    if (project && !project.services[name] && !project.inactive[name])
      throw new CommandError(`no such service: ${name}`)
}

export const say = ({ session }: AnyContext, text: string): Promise<void> => write(session.stdout, text)

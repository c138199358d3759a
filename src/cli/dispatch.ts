/** From a session to an exit code: finds the command, parses its flags, runs it, and words what went wrong. */

import { chooseAddress, DEFAULT_ADDRESS } from '../client/address.ts'
import { Engine } from '../client/engine.ts'
import { write } from '../client/write.ts'
import type { Command } from './command.ts'
import { CommandError, EXIT_REFUSED, PullFailed, UsageError } from './errors.ts'
import { commandHelp, groupHelp, PROGRAM, programHelp, usageLine, withHelp } from './help.ts'
import { bool, list, string, type Values } from './parse/flag.ts'
import { nearest } from './parse/nearest.ts'
import { parse } from './parse/parse.ts'
import { commandsOf, findCommand, GROUPS, type Leaf } from './registry.ts'
import type { Session } from './session.ts'

const GLOBAL_FLAGS = {
  config: string('Folder of the client\'s configuration files (default "~/.skiff")'),
  debug: bool('Show what goes to the daemon and comes back, and the stack of errors', { short: 'D' }),
  host: list('Daemon to connect to: unix:///path or tcp://host:port', { short: 'H' }),
  version: bool('Print version information and quit', { short: 'v' }),
  // Docker's, which scripts set although they have no meaning here.
  'log-level': string('', { short: 'l', hidden: true }),
  context: string('', { short: 'c', hidden: true }),
  tls: bool('', { hidden: true }),
  tlsverify: bool('', { hidden: true }),
  tlscacert: string('', { hidden: true }),
  tlscert: string('', { hidden: true }),
  tlskey: string('', { hidden: true }),
}
type Globals = Values<typeof GLOBAL_FLAGS>

/** Runs the session's command line. Never throws for what a user can do wrong. */
export async function runCommandLine(session: Session): Promise<number> {
  const found: Found = { words: [], command: undefined, debug: false, host: [] }
  try {
    return await dispatch(session, found)
  } catch (error) {
    return await explainFailure(session, error, found)
  }
}

/** How far the command line was understood, for the wording of errors. */
interface Found {
  words: string[]
  command: Command | undefined
  debug: boolean
  /** --host, as given. */
  host: readonly string[]
}

async function dispatch(session: Session, found: Found): Promise<number> {
  const { options, args } = parse(session.argv, withHelp(GLOBAL_FLAGS), false)
  const globals = options as unknown as Globals & { help: boolean }
  found.debug = globals.debug
  found.host = globals.host
  refuseUnsupported(globals)
  if (globals.version) return await showVersion(session)
  const asked = args[0] === 'help' ? args.slice(1) : args
  const wantsHelp = globals.help || args[0] === 'help'
  const [first, second] = asked
  if (first === undefined) return await show(session, programHelp(GLOBAL_FLAGS, columnsOf(session)))
  if (Object.hasOwn(GROUPS, first)) {
    if (second === undefined || /^(--help|-h)$/.test(second)) return await show(session, groupHelp(first))
  }
  found.words = Object.hasOwn(GROUPS, first) ? [first, second ?? ''] : [first]
  const entry = findCommand(found.words)
  if (!entry) throw unknownCommand(found.words)
  found.command = await entry.load()
  return await runCommand(session, globals, entry, found, wantsHelp ? ['--help'] : asked.slice(found.words.length))
}

async function runCommand(
  session: Session,
  globals: Globals,
  entry: Leaf,
  found: Found,
  argv: readonly string[],
): Promise<number> {
  const { words, command } = found
  if (!command) return 0
  const { options, args, given } = parse(argv, withHelp(command.flags), command.interspersed ?? true)
  if (options.help) return await show(session, commandHelp(words, entry, command, columnsOf(session)))
  const byFlag = command.firstByFlag !== undefined && given.has(command.firstByFlag)
  checkArity(words, command, args.length + (byFlag ? 1 : 0))
  const engine = connect(session, globals)
  try {
    const configFolder =
      globals.config || session.env.SKIFF_CONFIG || session.env.DOCKER_CONFIG || `${session.env.HOME ?? '/root'}/.skiff`
    return (await command.run({ session, engine, options, args, given, configFolder })) ?? 0
  } finally {
    engine.close()
  }
}

function connect(
  session: Session,
  globals: Pick<Globals, 'debug'> & { host: readonly string[] },
  wanted = true,
): Engine {
  const address = chooseAddress(globals.host, session.env)
  const mayStart = wanted && session.mayStartDaemon && address.text === DEFAULT_ADDRESS
  const known = session.known?.address === address.text ? session.known : undefined
  return new Engine(address, {
    pinnedVersion: session.env.DOCKER_API_VERSION ?? known?.apiVersion,
    agent: known?.agent,
    sameBuild: known !== undefined,
    ...(globals.debug && { trace: (line: string) => session.stderr.write(`${line}\n`) }),
    closed: session.closed,
    ...(mayStart && {
      onAbsent: async () => {
        const { startDaemon } = await import('../client/start-daemon.ts')
        await startDaemon(address, message => session.stderr.write(`${message}\n`))
      },
    }),
  })
}

function refuseUnsupported({ context, tls, tlsverify }: Globals): void {
  if (tls || tlsverify)
    throw new CommandError(
      'TLS to the daemon (--tls, --tlsverify) is not supported: use its Unix socket, for instance through ssh',
    )
  if (context && context !== 'default')
    throw new CommandError(`contexts are not supported: use --host instead of --context ${context}`)
}

const columnsOf = (session: Session): number | undefined =>
  session.isTerminal.stdout ? session.windowSize()?.columns : undefined

async function show(session: Session, text: string): Promise<number> {
  await write(session.stdout, text)
  return 0
}

async function showVersion(session: Session): Promise<number> {
  const { clientVersion } = await import('./client-version.ts')
  const { version, commit } = await clientVersion()
  return await show(session, `skiff version ${version}, build ${commit}\n`)
}

function unknownCommand(words: readonly string[]): CommandError {
  const [group] = words
  const inGroup = words.length > 1
  const usage = inGroup ? `\nUsage:  ${PROGRAM} ${group}\n` : ''
  const parent = inGroup ? `${PROGRAM} ${group}` : PROGRAM
  const meant = nearest(words.at(-1) ?? '', [
    ...commandsOf(inGroup ? (group ?? '') : '').map(([name]) => name),
    ...(inGroup ? [] : Object.keys(GROUPS)),
  ])
  const hint = meant === undefined ? '' : `\nDid you mean: ${parent} ${meant}?\n`
  return new CommandError(
    `${PROGRAM}: unknown command: ${[PROGRAM, ...words].join(' ')}\n${usage}${hint}\nRun '${parent} --help' for more information`,
  )
}

function checkArity(words: readonly string[], { arity: [min, max] }: Command, count: number): void {
  if (count >= min && count <= max) return
  const plural = (n: number) => `${n} argument${n === 1 ? '' : 's'}`
  const wants =
    max === 0
      ? 'accepts no arguments'
      : min === max
        ? `requires ${plural(min)}`
        : count < min
          ? `requires at least ${plural(min)}`
          : `requires at most ${plural(max)}`
  throw new UsageError(`${PROGRAM}: '${[PROGRAM, ...words].join(' ')}' ${wants}`)
}

async function explainFailure(session: Session, error: unknown, found: Found): Promise<number> {
  const { words, command, debug } = found
  if (!(error instanceof Error)) throw error
  const name = [PROGRAM, ...words].join(' ')
  const hint = `Run '${name} --help' for more information`
  if (error instanceof UsageError) {
    const usage = command ? usageLine(words, command) : `Usage:  ${PROGRAM} [OPTIONS] COMMAND [ARG...]`
    await write(session.stderr, `${error.message}\n\n${usage}\n\n${hint}\n`)
    return error.exitCode
  }
  const exitCode = error instanceof CommandError ? error.exitCode : (command?.refusal ?? 1)
  // What a command words itself (exitCode 1 and no refusal of the daemon's) comes without a frame, as in Docker.
  const framed = command?.refusal !== undefined && exitCode >= EXIT_REFUSED && error.message !== ''
  if (error.message)
    await write(session.stderr, framed ? `${PROGRAM}: ${error.message}\n\n${hint}\n` : `${error.message}\n`)
  if (debug && error.stack) await write(session.stderr, `${error.stack}\n`)
  await advise(session, error, found)
  return exitCode
}

/** What can be done about it. A failure while looking for advice is none of the user's concern. */
async function advise(session: Session, error: Error, { host }: Found): Promise<void> {
  const { hintsFor, wantsHints } = await import('./hints/hints.ts')
  if (!wantsHints(session)) return
  const absent = error instanceof PullFailed ? [`Unable to find image '${error.image}'`] : []
  const reported = error instanceof CommandError ? error.reported : []
  const messages = [...absent, error.message, ...reported]
  let engine: Engine | undefined
  try {
    engine = connect(session, { host, debug: false }, false)
    for (const hint of await hintsFor(messages, { engine, session })) await write(session.stderr, `hint: ${hint}\n`)
  } catch {
  } finally {
    engine?.close()
  }
}

/** skiff exec: one more process in a running container. */

import type { Engine, Hijacked } from '../../client/engine.ts'
import { segment } from '../../client/paths.ts'
import { ANY, command } from '../command.ts'
import { checkVariable, environment } from '../create/environment.ts'
import { CommandError } from '../errors.ts'
import { bool, list, listOf, string } from '../parse/flag.ts'
import { checkTerminal } from '../terminal/check.ts'
import { converse } from '../terminal/converse.ts'
import { followWindowSize } from '../terminal/window.ts'

const FLAGS = {
  detach: bool('Run in the background', { short: 'd' }),
  'detach-keys': string('Keys that leave the process running (default "ctrl-p,ctrl-q")'),
  env: listOf('list', 'Set an environment variable; without a value, take it from here', checkVariable, { short: 'e' }),
  'env-file': list('Read environment variables from a file'),
  interactive: bool('Keep stdin open', { short: 'i' }),
  privileged: bool('Give all privileges of the host'),
  tty: bool('Give it a terminal', { short: 't' }),
  user: string('User or UID: name|uid[:group|gid]', { short: 'u' }),
  workdir: string('Working directory', { short: 'w' }),
}

export const exec = command({
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  arity: [2, ANY],
  interspersed: false,
  flags: FLAGS,
  async run({ session, engine, options, args }) {
    const [name = '', ...words] = args
    const path = `/containers/${segment(name)}`
    const { detach, tty, interactive } = options
    const detachKeys = options['detach-keys']
    try {
      if (!detach) checkTerminal(session, interactive, tty)
    } catch (error) {
      // Whether there is such a container is said before anything about terminals.
      await engine.get(`${path}/json`)
      throw error
    }
    const size = session.isTerminal.stdout ? session.windowSize() : undefined
    const consoleSize = tty && size ? { ConsoleSize: [size.rows, size.columns] } : {}
    const body = {
      User: options.user,
      Privileged: options.privileged,
      Tty: tty,
      ...consoleSize,
      AttachStdin: interactive && !detach,
      AttachStdout: !detach,
      AttachStderr: !detach,
      Detach: detach,
      DetachKeys: detachKeys,
      Env: await environment(session, options['env-file'], options.env),
      WorkingDir: options.workdir,
      Cmd: words,
    }
    if (detach)
      return await engine.post(`/exec/${await create(engine, path, body)}/start`, {}, { Detach: true, Tty: tty })
    const atOnce = engine.hasSkiffsOwn
    const { id, connection } = atOnce
      ? await createAndStart(engine, path, body)
      : await createThenStart(engine, path, body, { Detach: false, Tty: tty, ...consoleSize })
    const unfollow = tty && session.isTerminal.stdout ? followWindowSize(session, engine, `/exec/${id}`) : undefined
    const how = { tty, stdin: interactive, stdout: true, stderr: true, detachKeys, framed: atOnce || !tty }
    const ending = await converse(session, connection, how)
    unfollow?.()
    if (typeof ending === 'number') return ending
    if (ending === 'detached') throw new CommandError('read escape sequence')
    return (await engine.get<{ ExitCode: number }>(`/exec/${id}/json`)).ExitCode
  },
})

interface StartedExec {
  id: string
  connection: Hijacked
}

async function create(engine: Engine, container: string, body: object): Promise<string> {
  return (await engine.post<{ Id: string }>(`${container}/exec`, {}, body)).Id
}

/** As Docker has it. */
async function createThenStart(engine: Engine, container: string, body: object, start: object): Promise<StartedExec> {
  const id = await create(engine, container, body)
  return { id, connection: await engine.hijack(`/exec/${id}/start`, { body: start }) }
}

/** In one round trip, with the exit code at the end of the stream. Where nothing is sent to it, over a connection that is there. */
async function createAndStart(
  engine: Engine,
  container: string,
  body: { readonly AttachStdin: boolean },
): Promise<StartedExec> {
  const connection = body.AttachStdin
    ? await engine.hijack(`${container}/exec/run`, { body })
    : await engine.listen(`${container}/exec/output`, { body })
  return { id: String(connection.headers['skiff-exec']), connection }
}

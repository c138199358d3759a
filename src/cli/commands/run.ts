/** skiff run: create, attach, start, wait, and end as the container ends. */

import type { Engine } from '../../client/engine.ts'
import { write } from '../../client/write.ts'
import { ANY, type Context, command } from '../command.ts'
import { createContainer } from '../containers/create.ts'
import { startAttached } from '../containers/start-attached.ts'
import { createBody, imageAndCommand } from '../create/body.ts'
import { CREATE_FLAGS } from '../create/flags.ts'
import { CommandError, EXIT_REFUSED } from '../errors.ts'
import { bool, string } from '../parse/flag.ts'
import { checkTerminal } from '../terminal/check.ts'
import type { Conversation } from '../terminal/converse.ts'
import { parseDetachKeys } from '../terminal/detach-keys.ts'

export const RUN_FLAGS = {
  ...CREATE_FLAGS,
  detach: bool('Run in the background and print the ID', { short: 'd' }),
  'detach-keys': string('Keys that leave the container running (default "ctrl-p,ctrl-q")'),
  'sig-proxy': bool('Pass signals on to the process', { initial: true }),
}

export const run = command({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  arity: [1, ANY],
  firstByFlag: 'from-snapshot',
  interspersed: false,
  refusal: EXIT_REFUSED,
  flags: RUN_FLAGS,
  async run(context) {
    const { session, engine, options, args } = context
    const { image, command } = imageAndCommand(options, args)
    checkOptions(context)
    const body = await createBody({ session, options, given: context.given, image, command })
    const how: Conversation = {
      tty: body.Tty,
      stdin: body.AttachStdin,
      stdout: body.AttachStdout,
      stderr: body.AttachStderr,
      detachKeys: options['detach-keys'],
    }
    const id = await createContainer({ ...context, body })
    if (options.detach || !(how.stdin || how.stdout || how.stderr)) {
      await start(engine, id)
      await write(session.stdout, `${id}\n`)
      return 0
    }
    const attached = { ...how, signals: options['sig-proxy'], autoRemove: options.rm }
    return await startAttached(session, engine, id, attached, notStarted)
  },
})

function checkOptions({ session, options }: Context<typeof RUN_FLAGS>): void {
  const { attach, detach, interactive, tty } = options
  if (detach && attach.length > 0)
    throw new CommandError('conflicting options: cannot specify both --attach and --detach')
  if (options['detach-keys']) parseDetachKeys(options['detach-keys'])
  if (!detach) checkTerminal(session, attach.length > 0 ? attach.includes('stdin') : interactive, tty)
}

/** With the exit code that a shell would give for such a command. */
const notStarted = ({ message }: Error): CommandError => new CommandError(message, startFailureCode(message))

/** @throws CommandError */
async function start(engine: Engine, id: string): Promise<void> {
  try {
    await engine.post(`/containers/${id}/start`)
  } catch (error) {
    throw notStarted(error as Error)
  }
}

/** 127: there is no such command; 126: it cannot be executed; 125: everything else. Source: POSIX, "Exit Status for Commands". */
export function startFailureCode(message: string): number {
  if (/executable file not found|no such file or directory|not found in \$PATH/i.test(message)) return 127
  if (/permission denied|is a directory|exec format error/i.test(message)) return 126
  return EXIT_REFUSED
}

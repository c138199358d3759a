/** skiff attach: this terminal becomes (also) the container's. */

import { segment } from '../../client/paths.ts'
import { command } from '../command.ts'
import { beginWait, openAttachment } from '../containers/attach.ts'
import { CommandError } from '../errors.ts'
import { bool, string } from '../parse/flag.ts'
import { checkTerminal } from '../terminal/check.ts'
import { converse } from '../terminal/converse.ts'
import { forwardSignals } from '../terminal/signals.ts'
import { followWindowSize } from '../terminal/window.ts'

interface Inspected {
  Id: string
  Config: { Tty: boolean; OpenStdin: boolean }
  State: { Running: boolean; Paused: boolean; Restarting: boolean }
}

export const attach = command({
  usage: '[OPTIONS] CONTAINER',
  arity: [1, 1],
  flags: {
    'detach-keys': string('Keys that leave the container running (default "ctrl-p,ctrl-q")'),
    'no-stdin': bool('Do not attach stdin'),
    'sig-proxy': bool('Pass signals on to the process', { initial: true }),
  },
  async run({ session, engine, options, args }) {
    const name = segment(args[0] ?? '')
    // First of all: a container that is removed when it ends could not be asked any more.
    const { outcome } = await beginWait(engine, name)
    const { Id: id, Config, State } = await engine.get<Inspected>(`/containers/${name}/json`)
    checkRunning(State)
    const how = {
      tty: Config.Tty,
      stdin: !options['no-stdin'] && Config.OpenStdin,
      stdout: true,
      stderr: true,
      detachKeys: options['detach-keys'],
    }
    checkTerminal(session, how.stdin, how.tty)
    const undo: (() => void)[] = options['sig-proxy'] && !Config.Tty ? [forwardSignals(session, engine, id)] : []
    try {
      const connection = await openAttachment(engine, id, how)
      if (how.tty && session.isTerminal.stdout)
        undo.push(followWindowSize(session, engine, `/containers/${id}`, { redraw: true }))
      if ((await converse(session, connection, how)) === 'detached') throw new CommandError('read escape sequence')
      return await outcome
    } finally {
      for (const act of undo) act()
    }
  },
})

function checkRunning({ Running, Paused, Restarting }: Inspected['State']): void {
  if (!Running) throw new CommandError('You cannot attach to a stopped container, start it first')
  if (Paused) throw new CommandError('You cannot attach to a paused container, unpause it first')
  if (Restarting) throw new CommandError('You cannot attach to a restarting container, wait until it is running')
}

/** The same done to several objects: those that fail are reported, the others are done all the same. */

import { write } from '../../client/write.ts'
import { exitWith } from '../errors.ts'
import type { Session } from '../session.ts'

/** Prints what `act` answers, or its name, line by line, in the order given. @throws CommandError when one failed */
export async function forEach(
  session: Session,
  names: readonly string[],
  // biome-ignore lint/suspicious/noConfusingVoidType: most requests have an empty answer
  act: (name: string) => Promise<string | void>,
): Promise<void> {
  const failures: string[] = []
  // Started together as the daemon works on them in parallel; reported in order.
  const results = names.map(name =>
    act(name).then(
      answer => ({ answer: answer ?? name }),
      error => ({ error: error as Error }),
    ),
  )
  for (const result of results) {
    const settled = await result
    if ('error' in settled) {
      failures.push(settled.error.message)
      await write(session.stderr, `${settled.error.message}\n`)
    } else if (settled.answer) await write(session.stdout, `${settled.answer}\n`)
  }
  if (failures.length > 0) throw exitWith(1, failures)
}

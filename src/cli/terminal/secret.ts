/** A line that is typed without being shown. */

import { write } from '../../client/write.ts'
import { CommandError } from '../errors.ts'
import type { Session } from '../session.ts'

const [INTERRUPT, END, BACKSPACE, DELETE] = ['\x03', '\x04', '\b', '\x7f']

/** @throws CommandError when it is interrupted; the terminal is as before in every case */
export async function readSecret(session: Session, prompt: string): Promise<string> {
  await write(session.stdout, prompt)
  session.setRawMode(true)
  try {
    let secret = ''
    for await (const chunk of session.stdin.iterator({ destroyOnReturn: false })) {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n' || character === END) return secret
        if (character === INTERRUPT) throw new CommandError('', 130)
        if (character === BACKSPACE || character === DELETE) secret = secret.slice(0, -1)
        else secret += character
      }
    }
    return secret
  } finally {
    session.setRawMode(false)
    await write(session.stdout, '\n')
  }
}

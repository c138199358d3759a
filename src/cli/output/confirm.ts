/** A question before something is lost. */

import { write } from '../../client/write.ts'
import type { Session } from '../session.ts'

/** Asks and reads a line; anything but y means no. */
export async function confirm(session: Session, question: string): Promise<boolean> {
  await write(session.stdout, `${question} [y/N] `)
  const answer = await readLine(session)
  return /^y(es)?$/i.test(answer.trim())
}

/** A line from stdin without its end; what is there at the end of stdin. */
export async function readLine(session: Session): Promise<string> {
  let text = ''
  for await (const chunk of session.stdin.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text.split('\n')[0]?.replace(/\r$/, '') ?? ''
}

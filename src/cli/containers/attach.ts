/** Attaching to a container and learning how it ended; shared by run, start and attach. */

import type { Engine, Hijacked } from '../../client/engine.ts'

import type { Conversation } from '../terminal/converse.ts'

export const attachPath = (container: string): string => `/containers/${container}/attach`

export const openAttachment = (engine: Engine, container: string, how: Conversation): Promise<Hijacked> =>
  engine.hijack(attachPath(container), {
    query: {
      stream: true,
      stdin: how.stdin,
      stdout: how.stdout,
      stderr: how.stderr,
      detachKeys: how.detachKeys || undefined,
    },
  })

/** The exit code that a container ended with. @throws Error when the daemon could not tell it */
export type Outcome = Promise<number>

interface WaitBody {
  StatusCode: number
  Error?: { Message?: string } | null
}

/**
 * Begins to wait and resolves as soon as the daemon has noted that; the outcome itself comes later. To be called before
 * the start, or a short run would be missed.
 */
export async function beginWait(
  engine: Engine,
  container: string,
  condition?: 'next-exit' | 'removed',
): Promise<{ outcome: Outcome }> {
  const response = await engine.request('POST', `/containers/${container}/wait`, { query: { condition } })
  const outcome = (async () => {
    let text = ''
    for await (const chunk of response) text += String(chunk)
    const { StatusCode, Error: failure } = JSON.parse(text) as WaitBody
    if (failure?.Message) throw new Error(failure.Message)
    return StatusCode
  })()
  // Awaited later; until then a failure must not count as unhandled.
  outcome.catch(() => undefined)
  return { outcome }
}

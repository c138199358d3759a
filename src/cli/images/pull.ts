/** Pulling an image; for `pull`, and for `run` of an image that is missing. */

import type { Writable } from 'node:stream'
import type { Engine } from '../../client/engine.ts'
import { authHeader } from '../registry/credentials.ts'
import type { Session } from '../session.ts'
import { showProgress } from './progress.ts'
import { fullName, parseReference } from './reference.ts'

export interface PullJob {
  readonly session: Session
  readonly engine: Engine
  readonly configFolder: string
  readonly reference: string
  readonly platform: string
  readonly quiet: boolean
  readonly allTags?: boolean
  /** Where progress is shown: stdout of `pull`, stderr of `run`. */
  readonly sink: Writable
}

export async function pull(job: PullJob): Promise<void> {
  const { session, engine, reference, platform, sink } = job
  const { name, tag, digest } = parseReference(reference)
  const fromImage = fullName(name)
  const response = await engine.request('POST', '/images/create', {
    query: {
      fromImage,
      tag: job.allTags ? undefined : digest || tag || 'latest',
      platform: platform || undefined,
    },
    headers: await authHeader(job.configFolder, session.env, fromImage),
  })
  const terminal = sink === session.stdout ? session.isTerminal.stdout : session.isTerminal.stderr
  await showProgress(response, {
    sink,
    columns: terminal ? session.windowSize()?.columns : undefined,
    quiet: job.quiet,
  })
}

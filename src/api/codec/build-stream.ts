/** A build as its client sees it: Docker's lines of text in JSON, or the steps themselves for skiff's own. */

import { DockerfileError } from '../../build/dockerfile/error.ts'
import { BuildFailed } from '../../build/failure.ts'
import type { BuildEvent, BuildResult } from '../../build/types.ts'
import { encodeProgress } from './progress.ts'

/** One line of the answer. */
export type Line = Record<string, unknown>

const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12)

/**
 * Stages are built side by side, but a reader of text follows one step after the other: what a later step says waits until those
 * before it are over.
 */
export class ClassicLines {
  readonly #write: (line: Line) => void
  readonly #waiting = new Map<number, BuildEvent[]>()
  #total = 0
  #current = 1
  /** That runs the current step. */
  #container = ''

  constructor(write: (line: Line) => void) {
    this.#write = write
  }

  tell(event: BuildEvent): void {
    if (event.kind === 'plan') this.#total = event.total
    else if (event.kind === 'warning') this.#text(`[Warning] ${event.message}\n`)
    else if (event.step !== this.#current) {
      this.#waiting.set(event.step, [...(this.#waiting.get(event.step) ?? []), event])
    } else this.#say(event)
  }

  done({ image, tags }: BuildResult): void {
    this.#write({ aux: { ID: image } })
    this.#text(`Successfully built ${shortId(image)}\n`)
    for (const tag of tags) this.#text(`Successfully tagged ${tag}\n`)
  }

  #say(event: Exclude<BuildEvent, { kind: 'plan' | 'warning' }>): void {
    if (event.kind === 'begin') this.#text(`Step ${event.step}/${this.#total} : ${event.text}\n`)
    else if (event.kind === 'pull') this.#write(encodeProgress(event.progress))
    else if (event.kind === 'running') this.#begin(event.container)
    else if (event.kind === 'end') this.#end(event)
    // Docker shows errors in red.
    else this.#text(event.stream === 'stderr' ? `\u001b[91m${event.text}\u001b[0m` : event.text)
  }

  #begin(container: string): void {
    this.#container = shortId(container)
    this.#text(` ---> Running in ${this.#container}\n`)
  }

  #end({ step, cached, image }: Extract<BuildEvent, { kind: 'end' }>): void {
    if (cached && image !== '') this.#text(' ---> Using cache\n')
    if (this.#container !== '') this.#text(`Removing intermediate container ${this.#container}\n`)
    this.#container = ''
    this.#text(` ---> ${shortId(image)}\n`)
    this.#current = step + 1
    const waiting = this.#waiting.get(this.#current) ?? []
    this.#waiting.delete(this.#current)
    for (const event of waiting) this.tell(event)
  }

  #text(stream: string): void {
    this.#write({ stream })
  }
}

export function encodeBuildFailure(error: unknown): Line {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof BuildFailed && error.code !== 1 ? { code: error.code } : {}
  return { errorDetail: { ...code, message }, error: message }
}

/** What skiff's own client is told besides: where the mistake stands, and what can be looked at. */
export function describeFailure(error: unknown): Line {
  if (error instanceof BuildFailed) return { location: error.location, image: error.image, code: error.code }
  if (error instanceof DockerfileError) return { location: error.location, image: '', code: 1 }
  return { location: null, image: '', code: 1 }
}

/** What the daemon tells of a build to a client that sent X-Skiff-Build; docs/build.md describes it. */

import type { ProgressMessage } from '../images/progress.ts'

export type BuildEvent =
  | { kind: 'plan'; file: string; total: number }
  | { kind: 'pull'; step: number; progress: ProgressMessage }
  | { kind: 'begin'; step: number; stage: string; text: string; line: number }
  | { kind: 'running'; step: number; container: string }
  | { kind: 'output'; step: number; stream: 'stdout' | 'stderr'; text: string }
  | { kind: 'end'; step: number; cached: boolean; image: string; ms: number }
  | { kind: 'warning'; message: string }
  | { kind: 'done'; image: string; tags: string[] }
  | { kind: 'failed'; location: Location | null; image: string; code: number }

export interface Location {
  line: number
  endLine: number
  text: string
}

export interface BuildMessage extends ProgressMessage {
  build?: BuildEvent
}

/** Shows a build as it goes on. */
export interface Progress {
  event(event: BuildEvent): void
  /** Nothing more comes. */
  close(): void
}

/** What is wrong in a Dockerfile, and where. */

import { InvalidParameter } from '../../kernel/errors.ts'

/** Where an instruction stands: lines count from 1. */
export interface Location {
  line: number
  endLine: number
  /** The instruction as it was written, continuation lines joined. */
  text: string
}

/** Worded as Docker words it; who shows it to a person may add file and line. */
export class DockerfileError extends InvalidParameter {
  constructor(
    message: string,
    readonly location: Location | null,
  ) {
    super(message)
  }
}

export const parseError = (message: string, location: Location): DockerfileError =>
  new DockerfileError(`dockerfile parse error on line ${location.line}: ${message}`, location)

/** Docker's command line and skiff's on one engine: what the one prints, the other has to print. */

import { fileURLToPath } from 'node:url'
import { type CliOptions, type CliResult, cli } from '../support/cli.ts'
import type { Engine } from '../support/engine.ts'

const SKIFF = fileURLToPath(new URL('../../bin/skiff', import.meta.url))

/** The same engine, spoken to by skiff's command line. */
export const bySkiff = (engine: Engine): Engine => ({ ...engine, command: [SKIFF, '-H', `unix://${engine.socket}`] })

export interface Both {
  readonly docker: CliResult
  readonly skiff: CliResult
}

/** Runs the words with both, one after the other, and makes what they print comparable. */
export async function runBoth(engine: Engine, words: readonly string[], options: CliOptions = {}): Promise<Both> {
  return {
    docker: comparable(await cli(engine, words, options)),
    skiff: comparable(await cli(bySkiff(engine), words, options)),
  }
}

/** Time passes between the two, and each names itself. Columns get wider with what is in them. */
const comparable = ({ code, stdout, stderr }: CliResult): CliResult => ({
  code,
  stdout: neutral(stdout),
  stderr: named(neutral(stderr)),
})

const neutral = (text: string): string =>
  text
    .replaceAll(/(Less than a second|About a minute|\d+ (second|minute)s?)/g, 'SOME TIME')
    .replaceAll(/(?<=\S) {2,}/g, '  ')

/** Docker says `See` in one place and `SRun` in another where it means `Run`. */
const named = (text: string): string => text.replaceAll(/docker/gi, 'skiff').replaceAll(/^(See|SRun) /gm, 'Run ')

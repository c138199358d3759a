/**
 * The program of each kind of container, against its listing in this folder. A listing that changed is reviewed like code:
 * `UPDATE_GOLDEN=1 npx vitest run test/golden` writes them anew, and the difference goes into the commit.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { CLONE_TABLE, namesOf } from '../../src/program/flags.ts'
import { listProgram } from '../../src/program/listing.ts'
import { type Compiled, compileContainer } from '../../src/runtime/compile/container.ts'
import { compileExec } from '../../src/runtime/compile/exec.ts'
import { CONTAINERS, EXECS, FACTS } from './specs.ts'

const STREAMS = { stdin: 'open' } as const

const listing = ({ cloneFlags, before, program, passedFds }: Compiled): string =>
  [
    `clone: ${namesOf(CLONE_TABLE, cloneFlags)}`,
    `passed: ${passedFds.join(' ')}`,
    '',
    ...(before ? ['before the clone', listProgram(before)] : []),
    listProgram(program),
  ].join('\n')

async function compare(name: string, compiled: Compiled): Promise<void> {
  const path = fileURLToPath(new URL(`${name}.txt`, import.meta.url))
  const actual = listing(compiled)
  if (process.env.UPDATE_GOLDEN) await writeFile(path, actual)
  expect(actual).toBe(await readFile(path, 'utf8'))
}

test.each(Object.entries(CONTAINERS))('the program of a container: %s', async (name, spec) => {
  await compare(name, compileContainer(spec, STREAMS, FACTS))
})

test.each(Object.entries(EXECS))('the program of a further process: %s', async (name, spec) => {
  await compare(name, compileExec(spec, STREAMS, FACTS))
})

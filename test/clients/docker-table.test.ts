/**
 * Docker's own client through every command that skiff has, on skiff and on the reference engine: the same output, errors and
 * exit code, but for the differences that the table names. docs/clients.md shows the table; SKIFF_DOCS=write writes it.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../cli/free-port.ts'
import { startDaemon } from '../support/daemon.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { type Desk, runLine, setDesk } from './command-line.ts'
import { page } from './command-page.ts'
import { TABLE } from './command-table.ts'

const PAGE = fileURLToPath(new URL('../../docs/clients.md', import.meta.url))

test('docs/clients.md shows the table', async () => {
  if (process.env.SKIFF_DOCS === 'write') await writeFile(PAGE, page(TABLE))
  expect(await readFile(PAGE, 'utf8')).toBe(page(TABLE))
})

describe('docker, on both engines', () => {
  let [ours, theirs]: Desk[] = []

  beforeAll(async () => {
    // Lenient: --privileged is to work where root itself lacks a capability.
    const [skiff, reference] = await Promise.all([startDaemon(), startReferenceEngine({ lenient: true })])
    const port = await freePort()
    // A pool of its own for each process: tests run side by side.
    const subnet = `10.${200 + (process.pid % 50)}.${process.pid % 251}`
    ours = await setDesk(skiff, port, subnet)
    theirs = await setDesk(reference, port, subnet)
  })

  const entries = TABLE.flatMap(({ lines }) => lines).map(
    entry => [typeof entry === 'string' ? entry : entry.line, entry] as const,
  )

  // In order: what one line makes, the next one finds.
  test.each(entries)('%s', async (line, entry) => {
    const [skiff, reference] = await Promise.all([runLine(ours as Desk, line), runLine(theirs as Desk, line)])
    if (typeof entry === 'string') return expect(skiff).toEqual(reference)
    expect(skiff.stdout + skiff.stderr).toContain(entry.skiff)
    // A difference that has gone is to be taken off the table.
    expect(reference.stdout + reference.stderr).not.toContain(entry.skiff)
  })
})

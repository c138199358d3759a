/** The help: every command has one, and its flags are Docker's. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { commandHelp } from '../../../src/cli/help.ts'
import { bool, string } from '../../../src/cli/parse/flag.ts'
import { flagLines } from '../../../src/cli/parse/help.ts'
import { COMMANDS } from '../../../src/cli/registry.ts'

const run = promisify(execFile)

test('descriptions are aligned, and wrapped at the width', () => {
  const flags = {
    'a-long-name': string('A description that goes on for longer than one line of the terminal has room', {
      initial: 'x',
    }),
    quiet: bool('Short', { short: 'q' }),
    secret: bool('', { hidden: true }),
  }
  expect(flagLines(flags, 60)).toBe(`      --a-long-name string   A description that goes
                             on for longer than one
                             line of the terminal has
                             room (default "x")
  -q, --quiet                Short
`)
})

/** `-q, --quiet` or `--format string` of each line. */
function flagsIn(help: string): Map<string, string> {
  const options = help.split(/\nOptions:\n/)[1] ?? ''
  const lines = options.split('\n').flatMap(line => /^ {2}(-\S, | {4})--(\S+)(?: (\S+))?(?: {3}|$)/.exec(line) ?? [])
  const found = new Map<string, string>()
  for (let i = 0; i < lines.length; i += 4)
    found.set(lines[i + 2] ?? '', `${lines[i + 1]?.trim()} ${lines[i + 3] ?? ''}`)
  return found
}

/** skiff's own, and compose, which is a plug-in of Docker's. */
const OWN = /^(compose|completion|doctor|env|explain|image tree|reset|snapshot \w+)$/
/** Of swarms: refused as unknown, since nothing of it could work. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  'volume create': [
    'availability',
    'group',
    'limit-bytes',
    'required-bytes',
    'scope',
    'secret',
    'sharing',
    'topology-preferred',
    'topology-required',
    'type',
  ],
  'image inspect': ['platform'],
}

/** What Docker has with BuildKit only, or not at all. */
const ADDED: Readonly<Record<string, readonly string[]>> = {
  create: ['from-snapshot'],
  run: ['from-snapshot'],
  build: ['build-context', 'output', 'progress', 'secret', 'ssh'],
  // Docker has no machine's form of these.
  diff: ['format'],
  port: ['format'],
  top: ['format'],
}

describe('Docker knows the same flags of', () => {
  const commands = COMMANDS.flatMap(entry => (entry.hidden ? [] : [[entry.spellings[0] ?? '', entry] as const]))
  test.each(commands.filter(([name]) => !OWN.test(name)))('%s', async (name, entry) => {
    const words = name.split(' ')
    const { stdout } = await run('docker', [...words, '--help'], { env: { ...process.env, DOCKER_BUILDKIT: '0' } })
    const docker = flagsIn(stdout)
    for (const left of LEFT_OUT[name] ?? []) docker.delete(left)
    const own = flagsIn(commandHelp(words, entry, await entry.load(), undefined))
    for (const added of ADDED[name] ?? []) expect(own.delete(added)).toBe(true)
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(docker))
  })
})

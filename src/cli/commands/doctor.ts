/** skiff doctor: what works on this host, what does not, and the command that mends it. The daemon's program examines; none need run. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { wantsColour } from '../output/colour.ts'
import { string } from '../parse/flag.ts'

const DAEMON = fileURLToPath(new URL('../../../bin/skiffd', import.meta.url))

interface Finding {
  subject: string
  verdict: 'ok' | 'warning' | 'problem'
  found: string
  consequence: string
  remedy: string
}

const MARKS = { ok: 'ok', warning: 'note', problem: 'FAILS' } as const
const COLOURS = { ok: '\x1b[32m', warning: '\x1b[33m', problem: '\x1b[31m' } as const
const PLAIN = '\x1b[0m'

export const doctor = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: {
    'config-file': string("The daemon's configuration file"),
    'data-root': string("The daemon's data-root, where it is not the default"),
    format: string('Format of the output: table or json (default "table")'),
  },
  async run({ session, options }) {
    const { format } = options
    if (format && format !== 'table' && format !== 'json')
      throw new CommandError(`invalid format "${format}": it must be table or json`)
    const findings = await examined(options['config-file'], options['data-root'])
    const coloured = wantsColour(session)
    await write(
      session.stdout,
      format === 'json' ? `${JSON.stringify(findings, null, 2)}\n` : table(findings, coloured),
    )
    return findings.some(({ verdict }) => verdict === 'problem') ? 1 : 0
  },
})

async function examined(configFile: string, dataRoot: string): Promise<Finding[]> {
  const words = ['--doctor', ...option('--config-file', configFile), ...option('--data-root', dataRoot)]
  try {
    const { stdout } = await promisify(execFile)(DAEMON, words)
    return JSON.parse(stdout) as Finding[]
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    throw new CommandError(stderr.trim() || (error as Error).message)
  }
}

const option = (flag: string, value: string): string[] => (value ? [flag, value] : [])

function table(findings: readonly Finding[], coloured: boolean): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length))
  const lines = findings.flatMap(({ subject, verdict, found, consequence, remedy }) => {
    const mark = MARKS[verdict].padEnd(5)
    const indent = ' '.repeat(width + 9)
    return [
      `${subject.padEnd(width)}  ${coloured ? COLOURS[verdict] + mark + PLAIN : mark}  ${found}`,
      ...(consequence ? [`${indent}so: ${consequence}`] : []),
      ...(remedy ? [`${indent}do: ${remedy}`] : []),
    ]
  })
  return `${lines.join('\n')}\n\n${conclusion(findings)}\n`
}

function conclusion(findings: readonly Finding[]): string {
  const count = (wanted: Finding['verdict']) => findings.filter(({ verdict }) => verdict === wanted).length
  const [problems, warnings] = [count('problem'), count('warning')]
  if (problems > 0)
    return `${problems} of ${findings.length} things fail; what they cost and what mends them is said above.`
  return warnings > 0 ? `skiff works here, with ${warnings} limit${warnings === 1 ? '' : 's'}.` : 'skiff works here.'
}

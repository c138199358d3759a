/**
 * A document whose commands are run. Blocks marked `console` hold what somebody types and what is printed then:
 *
 *     $ skiff run --rm busybox echo hi       a command; lines that begin with "> " go on with it
 *     hi                                     what it prints, stdout and stderr as they come
 *     …                                      any number of lines; within a line, any text
 *     [exit 1]                               its exit code, where it is not 0
 */

export interface Step {
  readonly command: string
  readonly expected: readonly string[]
  readonly exitCode: number
  /** Of the command, in the file. */
  readonly line: number
}

export function stepsOf(markdown: string): Step[] {
  const steps: { command: string; expected: string[]; exitCode: number; line: number }[] = []
  let inside = false
  for (const [index, text] of markdown.split('\n').entries()) {
    if (/^\s*```/.test(text)) {
      inside = !inside && /^\s*```console\b/.test(text)
      continue
    }
    if (!inside) continue
    const last = steps.at(-1)
    const [, code] = /^\[exit (\d+)\]$/.exec(text) ?? []
    if (text.startsWith('$ ')) steps.push({ command: text.slice(2), expected: [], exitCode: 0, line: index + 1 })
    else if (last && text.startsWith('> ') && last.expected.length === 0) last.command += `\n${text.slice(2)}`
    else if (last && code !== undefined) last.exitCode = Number(code)
    else last?.expected.push(text.trimEnd())
  }
  return steps
}

/** Whether what was printed is what the document shows. */
export function matches(expected: readonly string[], printed: string): boolean {
  const lines = printed
    .replace(/\r/g, '')
    .trimEnd()
    .split('\n')
    .map(line => line.trimEnd())
  const pattern = expected.map(line => (line === '…' ? '(?:.*\\n)*?' : `${lineAsPattern(line)}\\n`)).join('')
  return new RegExp(`^${pattern}$`).test(lines.join('\n') === '' ? '' : `${lines.join('\n')}\n`)
}

/** Columns may be wider or narrower than in the document. */
const lineAsPattern = (line: string): string =>
  line
    .split('…')
    .map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/ {2,}/g, ' +'))
    .join('.*')

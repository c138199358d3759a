/**
 * A program as one reads it: each step as strace(1) would show it, with its reason and its man page and, once it ran, what came
 * of it. A slot is written in braces: `{proc} = fsmount({fs}, …)`.
 */

import { errnoName } from '../kernel/errors.ts'
import { type Act, isBlob, isSlot, type Operand, type Program, type Step, type StepReport } from './step.ts'

const ACTS: Record<Act, string> = {
  gather: 'gather: what is needed of the host, held by descriptors',
  move: "move: into the container's root, the host's out of reach",
  furnish: 'furnish: what every container finds, and what was asked for',
  lock: 'lock: limits, user, capabilities, seccomp',
  exec: 'exec: become the command',
}

const MAX_STRING = 200

/** A string as in C, cut when it is very long. */
function quote(text: string): string {
  const shown = JSON.stringify(text)
  return shown.length <= MAX_STRING ? shown : `${shown.slice(0, MAX_STRING)}"…`
}

function showOperand(operand: Operand): string {
  if (operand === null) return 'NULL'
  if (typeof operand === 'string') return quote(operand)
  if (typeof operand === 'number' || typeof operand === 'bigint') return String(operand)
  if (isSlot(operand)) return `{${operand.name}}`
  if (isBlob(operand))
    return operand.shown.length <= 4 * MAX_STRING ? operand.shown : `${operand.shown.slice(0, 4 * MAX_STRING)}…`
  return operand.shown
}

/** `{root} = openat(AT_FDCWD, "/", O_PATH|O_DIRECTORY|O_CLOEXEC)` */
export function showCall(step: Step): string {
  const target = step.result ? `{${step.result.name}} = ` : ''
  return `${target}${step.call}(${step.args.map(showOperand).join(', ')})`
}

/** As strace shows it: `0`, `7`, `-1 EEXIST`. */
const showResult = (result: number): string => (result < 0 ? `-1 ${errnoName(-result)}` : String(result))

const showDuration = (ns: number): string => `${(ns / 1000).toFixed(1)} µs`

/** The whole program as text. `firstNumber` goes on counting where another program ended. */
export function listProgram(program: Program, reports: readonly StepReport[] = [], firstNumber = 1): string {
  const byStep = new Map(reports.map(report => [report.step, report]))
  let act: Act | undefined
  const lines: string[] = []
  for (const [index, step] of program.steps.entries()) {
    if (step.act !== act) {
      act = step.act
      lines.push('', act ? ACTS[act] : '')
    }
    lines.push(...listStep(step, index + firstNumber, byStep.get(index)))
  }
  return `${lines.join('\n').trimStart()}\n`
}

function listStep(step: Step, number: number, report: StepReport | undefined): string[] {
  const outcome = report ? ` = ${showResult(report.result)} <${showDuration(report.durationNs)}>` : ''
  const tolerated = step.tolerate ? ` (or ${step.tolerate.join(', ')})` : ''
  return [
    `${String(number).padStart(4)}  ${showCall(step)}${outcome || tolerated}`,
    `      # ${step.why} — ${step.man}`,
  ]
}

/** The same for tools. */
export const describeProgram = (program: Program, reports: readonly StepReport[] = []) => {
  const byStep = new Map(reports.map(report => [report.step, report]))
  return program.steps.map((step, index) => {
    const report = byStep.get(index)
    return {
      step: index + 1,
      act: step.act ?? null,
      call: step.call,
      arguments: step.args.map((arg, place) => ({ name: step.names?.[place] ?? '', value: showOperand(arg) })),
      result_slot: step.result?.name ?? null,
      tolerated: step.tolerate ?? [],
      why: step.why,
      man: step.man,
      result: report?.result ?? null,
      error: report && report.result < 0 ? errnoName(-report.result) : null,
      duration_ns: report?.durationNs ?? null,
    }
  })
}

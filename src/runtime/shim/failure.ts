/** How a launch can fail, and how a shim can be lost. */

import { errnoName, SkiffError } from '../../kernel/errors.ts'
import { hintFor } from '../../kernel/hints.ts'
import { STAGE } from '../../program/abi.ts'
import type { Program, Step } from '../../program/step.ts'
import type { LaunchReports } from './types.ts'

export type LaunchStage = 'setup' | 'before' | 'clone' | 'main' | 'killed' | 'console' | 'record'

const STAGES: Record<number, LaunchStage> = {
  [STAGE.SETUP]: 'setup',
  [STAGE.BEFORE]: 'before',
  [STAGE.CLONE]: 'clone',
  [STAGE.MAIN]: 'main',
  [STAGE.KILLED]: 'killed',
  [STAGE.CONSOLE]: 'console',
  [STAGE.RECORD]: 'record',
}

export interface FailureReport {
  /** STAGE.* */
  stage: number
  errno: number
  waitStatus: number
  reports: LaunchReports
}

/** The process never came to be. Has Node's shape: code, errno, syscall. */
export class StepFailure extends SkiffError {
  readonly stage: LaunchStage
  /** The step that failed, and its index in its program; null when it was none (setup, clone, killed, console). */
  readonly step: Step | null
  readonly index: number | null
  readonly errno: number
  readonly code: string
  readonly syscall: string
  /** As wait4(2) gives it, of a process that was killed in its program. */
  readonly waitStatus: number
  readonly reports: LaunchReports

  constructor(report: FailureReport, programs: { before?: Program | undefined; main: Program }) {
    const stage = STAGES[report.stage] ?? 'setup'
    const steps = stage === 'before' ? programs.before?.steps : stage === 'main' ? programs.main.steps : undefined
    const last = (stage === 'before' ? report.reports.before : report.reports.main).at(-1)
    const step = (last && steps?.[last.step]) ?? null
    const syscall = step?.call ?? SYSCALLS[stage]
    const code = errnoName(report.errno)
    const hint = hintFor(syscall, code)
    super(`${describe(stage, step, syscall, report)}${hint ? ` (${hint})` : ''}`)
    this.stage = stage
    this.step = step
    this.index = step ? last!.step : null
    this.errno = report.errno
    this.code = code
    this.syscall = syscall
    this.waitStatus = report.waitStatus
    this.reports = report.reports
  }
}

const SYSCALLS: Record<LaunchStage, string> = {
  setup: 'shim',
  before: 'shim',
  clone: 'clone3',
  main: 'execve',
  killed: 'shim',
  console: 'shim',
  record: 'write',
}

function describe(stage: LaunchStage, step: Step | null, syscall: string, report: FailureReport): string {
  const code = errnoName(report.errno)
  switch (stage) {
    case 'setup':
      return report.errno === 0
        ? 'the shim ended without a word: something killed it'
        : `the shim could not prepare the start: ${code}`
    case 'killed':
      return `the process was ended by signal ${report.waitStatus & 0x7f} before its command began`
    case 'console':
      return 'the program did not send its terminal'
    case 'record':
      return `the start could not be recorded in the exec-root: ${code}`
    default:
      return step ? `${syscall}: ${code} (${step.why})` : `${syscall}: ${code}`
  }
}

/** The shim is gone and left no exit record: something killed it. Its process may be alive. */
export class ShimLost extends SkiffError {}

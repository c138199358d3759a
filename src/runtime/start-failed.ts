/**
 * A start that failed, in words. Docker's clients match on some of them (`executable file not found in $PATH`, `permission denied`,
 * `no such file or directory`, `is a directory`) to choose between the exit codes 125, 126 and 127; all else names the step.
 */

import { getSystemErrorMap } from 'node:util'
import { SkiffError } from '../kernel/errors.ts'
import { showCall } from '../program/listing.ts'
import type { Program, Step, StepReport } from '../program/step.ts'
import type { StepFailure } from './shim/failure.ts'
import type { ProcessSpec } from './spec.ts'

/** What was run, and what came of each step: for `skiff explain` and for the words of an error. */
export interface Trace {
  cloneFlags: number
  /** Ran in the shim before it cloned: null if nothing was needed. */
  before: Program | null
  program: Program
  reports: { before: readonly StepReport[]; main: readonly StepReport[] }
}

/** 126: found, but cannot be executed; 127: not found; 128: the container could not be set up. */
export type StartExitCode = 126 | 127 | 128

/** A start that failed: nothing is left of it. The message is worded as Docker's clients expect it. */
export class StartFailed extends SkiffError {
  constructor(
    message: string,
    /** What `docker run` ends with. */
    readonly exitCode: StartExitCode,
    readonly trace: Trace,
    options: { cause: unknown },
  ) {
    super(message, options)
  }
}

interface Words {
  message: string
  exitCode: StartExitCode
}

export function startFailed(failure: StepFailure, process: ProcessSpec, trace: Omit<Trace, 'reports'>): StartFailed {
  const { message, exitCode } = wordsFor(failure, process)
  return new StartFailed(
    `unable to start container process: ${message}`,
    exitCode,
    { ...trace, reports: failure.reports },
    { cause: failure },
  )
}

function wordsFor(failure: StepFailure, process: ProcessSpec): Words {
  const { step } = failure
  if (step === null) return { message: failure.message, exitCode: 128 }
  if (step.call === 'execve') return wordExec(failure, process)
  if (step.result?.name === 'cwd') {
    return {
      message: `chdir to cwd ("${process.cwd}") failed: ${describe(failure)}`,
      exitCode: failure.code === 'ENOENT' ? 127 : 126,
    }
  }
  if (step.subject) return wordSubject(failure, step, step.subject)
  return { message: `${wordStep(failure, step)}`, exitCode: 128 }
}

/** Where libuv, which Node has its words from, knows no words or others than strerror(3). */
const WORDS: Record<string, string> = {
  ENOEXEC: 'exec format error',
  ENAMETOOLONG: 'file name too long',
  ELOOP: 'too many levels of symbolic links',
  ETXTBSY: 'text file busy',
}

/** `no such file or directory`: as strerror(3) has it but in lower case, as Docker does. */
const describe = ({ code, errno }: StepFailure): string => WORDS[code] ?? getSystemErrorMap().get(-errno)?.[1] ?? code

const NOT_FOUND = ['ENOENT', 'ENOTDIR', 'EACCES']

function wordExec(failure: StepFailure, { argv: [command = ''] }: ProcessSpec): Words {
  const { code } = failure
  if (!command.includes('/') && NOT_FOUND.includes(code)) {
    return { message: `exec: "${command}": executable file not found in $PATH`, exitCode: 127 }
  }
  if (code === 'ENOENT') {
    return { message: `exec: "${command}": stat ${command}: no such file or directory`, exitCode: 127 }
  }
  return { message: `exec: "${command}": ${describe(failure)}`, exitCode: 126 }
}

/** A file that meets a folder: the kernel says so, or EINVAL when the mount is put into place. Docker adds advice. */
function wordSubject(failure: StepFailure, step: Step, subject: string): Words {
  const mismatch = failure.code === 'ENOTDIR' || (failure.code === 'EINVAL' && step.call === 'move_mount')
  if (!mismatch) return { message: `${subject}: ${describe(failure)}`, exitCode: 128 }
  const advice =
    'Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type'
  return { message: `${subject}: not a directory: ${advice}`, exitCode: 127 }
}

/** `mount("overlay", …): EINVAL, step 17: one tree of 2 layers …` */
function wordStep({ code, index, stage }: StepFailure, step: Step): string {
  const where = stage === 'before' ? 'before the clone' : `step ${(index ?? 0) + 1}`
  return `${showCall(step)}: ${code} (${where}: ${step.why})`
}

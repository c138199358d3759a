/**
 * The rules of order that make a program safe, checked on every program before it leaves TypeScript. Each rule looks at
 * the list of steps and says what is wrong with it; a broken one is a mistake in skiff, never of its user.
 */

import { PROGRAM, SLOT } from './abi.ts'
import { type Act, isBlob, isSlot, type Operand, type Slot, type Step } from './step.ts'

/** Says what is wrong, or nothing. */
type Rule = (steps: readonly Step[], passedCount: number) => string | undefined

const ACTS: readonly Act[] = ['gather', 'move', 'furnish', 'lock', 'exec']

const indexOf = (steps: readonly Step[], name: Step['call']): number => steps.findIndex(step => step.call === name)
const flagsOf = (operand: Operand | undefined): string =>
  typeof operand === 'object' && operand !== null && operand.kind !== 'slot' ? operand.shown : ''
const at = (steps: readonly Step[], index: number): string => `step ${index + 1} (${steps[index]?.call})`

/** Each call is there at most as one run of steps, and those of `first` end before those of `second` begin. */
const before =
  (first: (step: Step) => boolean, second: (step: Step) => boolean, reason: string): Rule =>
  steps => {
    const last = steps.findLastIndex(first)
    const begin = steps.findIndex(second)
    return begin >= 0 && last > begin ? `${at(steps, last)} comes after ${at(steps, begin)}: ${reason}` : undefined
  }

const actsInOrder: Rule = steps => {
  const wrong = steps.findIndex((step, index) => {
    const previous = steps[index - 1]?.act
    return step.act && previous && ACTS.indexOf(step.act) < ACTS.indexOf(previous)
  })
  return wrong < 0 ? undefined : `${at(steps, wrong)} belongs to an act that is over: ${steps[wrong]?.act}`
}

const execIsLast: Rule = steps => {
  const final = steps.at(-1)
  if (final?.call !== 'execve') return 'the last step is not an execve'
  if (final.tolerate?.length) return 'the last execve must not tolerate a failure: nothing would be left to run'
  const first = indexOf(steps, 'execve')
  const intruder = steps.findIndex((step, index) => index > first && step.call !== 'execve')
  return intruder < 0 ? undefined : `${at(steps, intruder)} comes after an execve`
}

const MOUNTING = new Set<Step['call']>(['mount', 'move_mount', 'pivot_root', 'umount2'])
const isPrivatePropagation = (step: Step): boolean =>
  step.call === 'mount' && flagsOf(step.args[3]) === 'MS_REC|MS_PRIVATE'

/** Without it what the child mounts would appear on the host, and be unmounted there. */
const privateBeforeMounts: Rule = steps => {
  const first = steps.findIndex(step => MOUNTING.has(step.call))
  const step = steps[first]
  return step && !isPrivatePropagation(step) ? `${at(steps, first)} mounts before propagation is private` : undefined
}

const CALLS_AFTER_SECCOMP = new Set<Step['call']>(['capset', 'prctl', 'execve'])

/** A filter judges also the steps that follow it: only those that every usable filter allows may follow. */
const seccompNearTheEnd: Rule = steps => {
  const filter = indexOf(steps, 'seccomp')
  const intruder = steps.findIndex(
    (step, index) => filter >= 0 && index > filter && !CALLS_AFTER_SECCOMP.has(step.call),
  )
  return intruder < 0 ? undefined : `${at(steps, intruder)} would be judged by the container's own seccomp filter`
}

/** Calls that take a path of more than one component, and are safe with it: they do not follow what an image planted. */
const RESOLVES_SAFELY = new Set<Step['call']>(['openat2', 'execve', 'symlinkat'])
const PATH_ARGUMENTS = new Set([
  'pathname',
  'filename',
  'target',
  'source',
  'path',
  'to_pathname',
  'from_pathname',
  'linkpath',
])

/**
 * Once the root is entered, names are the image's. A call that follows symlinks and magic links on its own may be given a
 * single name in a folder that is held open, or a name in a kernel file system of ours (`trusted` slots), nothing else.
 */
const noLooseNamesInRoot: Rule = steps => {
  const entered = steps.findIndex(step => step.act === 'furnish')
  const trusted = new Set<number>()
  for (const [index, step] of steps.entries()) {
    if (step.call === 'fsmount' && step.result) trusted.add(step.result.index)
    else if (step.result) trusted.delete(step.result.index)
    if (entered < 0 || index < entered || RESOLVES_SAFELY.has(step.call)) continue
    const dirfd = step.args.find(isSlot)
    if (dirfd && trusted.has(dirfd.index)) continue
    const loose = step.args.some((arg, place) => isLooseName(step.names?.[place], arg))
    if (loose) return `${at(steps, index)} follows a path of the image`
  }
  return undefined
}

const isLooseName = (name: string | undefined, value: Operand): boolean =>
  name !== undefined && PATH_ARGUMENTS.has(name) && typeof value === 'string' && value !== '/' && value.includes('/')

/** A descriptor without O_CLOEXEC would be the container's: CVE-2024-21626. */
const everythingCloses: Rule = steps => {
  const leak = steps.findIndex(step => {
    if (step.call === 'dup3') return step.result !== undefined && !flagsOf(step.args[2]).includes('CLOEXEC')
    if (!step.result || step.call === 'keyctl') return false
    return !step.args.some(arg => flagsOf(arg).includes('CLOEXEC'))
  })
  return leak < 0 ? undefined : `${at(steps, leak)} leaves a descriptor open for the container`
}

const slotsIn = (operand: Operand): Slot[] => {
  if (isSlot(operand)) return [operand]
  if (!isBlob(operand)) return []
  return (operand.fields ?? []).flatMap(field => slotsIn(field.value))
}

const slotsAreFilled: Rule = (steps, passedCount) => {
  const filled = new Set(Array.from({ length: SLOT.FIRST_PASSED + passedCount }, (_, index) => index))
  for (const [index, step] of steps.entries()) {
    const empty = step.args.flatMap(slotsIn).find(slot => !filled.has(slot.index))
    if (empty) return `${at(steps, index)} reads ${empty.name}, which nothing has filled`
    if (step.result) filled.add(step.result.index)
  }
  return undefined
}

const fitsTheWire: Rule = steps => {
  const wrong = steps.findIndex(
    step => step.args.length > PROGRAM.MAX_ARGUMENTS || (step.tolerate?.length ?? 0) > PROGRAM.MAX_TOLERATED,
  )
  return wrong < 0 ? undefined : `${at(steps, wrong)} has too many arguments or tolerated errors`
}

const is =
  (...names: Step['call'][]) =>
  (step: Step): boolean =>
    names.includes(step.call)
const option =
  (name: string) =>
  (step: Step): boolean =>
    step.call === 'prctl' && flagsOf(step.args[0]) === name

const RULES: readonly Rule[] = [
  actsInOrder,
  execIsLast,
  privateBeforeMounts,
  before(is('setgroups'), is('setresgid'), 'without CAP_SETGID groups can no longer be set'),
  before(is('setresgid'), is('setresuid'), 'without CAP_SETGID the group can no longer be set'),
  before(option('PR_CAPBSET_DROP'), is('setresuid', 'capset'), 'dropping from the bounding set needs CAP_SETPCAP'),
  before(option('PR_SET_KEEPCAPS'), is('setresuid'), 'the change of user takes all capabilities away'),
  before(
    is('mount', 'move_mount', 'mount_setattr', 'sethostname', 'mknodat'),
    is('setresuid'),
    'the user may not do that',
  ),
  seccompNearTheEnd,
  noLooseNamesInRoot,
  everythingCloses,
  slotsAreFilled,
  fitsTheWire,
]

/** @throws Error naming the rule that is broken and the step that breaks it */
export function checkRules(steps: readonly Step[], passedCount: number): void {
  for (const rule of RULES) {
    const complaint = rule(steps, passedCount)
    if (complaint) throw new Error(`a program breaks a rule of order: ${complaint}`)
  }
}

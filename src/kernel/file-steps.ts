/** Folders made and removed and files of the kernel's written, many at once by another thread: see native/library/file-steps.c. */

import { fileStepsNativeAsync } from './native.ts'

export type FileStep =
  /** The umask takes from the mode. */
  | { make: string; mode: number }
  /** An empty folder; that it is gone already is fine. */
  | { remove: string }
  /** A file that exists by then. Each value is one write(2). */
  | { open: string; values: readonly string[] }

/** Takes one step after the other until one fails. Returns how many succeeded. */
export async function takeSteps(steps: readonly FileStep[]): Promise<number> {
  const words = steps.map(wordsOf)
  // A NUL would end a word and begin another one: then none is taken.
  if (words.flat().some(word => word.includes('\0'))) return 0
  const taken = Buffer.alloc(4)
  await fileStepsNativeAsync(Buffer.from(words.flatMap(all => all.map(word => `${word}\0`)).join('')), taken)
  let left = taken.readInt32LE()
  for (const [index, { length }] of words.entries()) {
    left -= length
    if (left < 0) return index
  }
  return steps.length
}

function wordsOf(step: FileStep): string[] {
  if ('make' in step) return [`m${step.mode.toString(8)} ${step.make}`]
  if ('remove' in step) return [`r${step.remove}`]
  return [`o${step.open}`, ...step.values.map(value => `w${value}`)]
}

/** Folders and small files of the kernel's, many at once by another thread: see native/library/file-steps.c. */

import { fileStepsNativeAsync } from './native.ts'

export interface Write {
  path: string
  value: string
}

/** Makes folders and writes values to files that exist by then, in this order, until something fails. Returns how many were made. */
export async function makeAndWrite(
  folders: readonly string[],
  writes: readonly Write[],
): Promise<{ made: number; isComplete: boolean }> {
  const steps = [...folders.map(path => `m${path}`), ...writes.flatMap(asSteps)]
  const done = await take(steps)
  return { made: Math.min(done, folders.length), isComplete: done === steps.length }
}

/** Removes empty folders until one cannot be. Returns how many are gone. */
export const removeEmpty = (folders: readonly string[]): Promise<number> => take(folders.map(path => `r${path}`))

/** Consecutive values for one file share a descriptor. */
const asSteps = ({ path, value }: Write, index: number, all: readonly Write[]): string[] =>
  all[index - 1]?.path === path ? [`w${value}`] : [`o${path}`, `w${value}`]

/** A NUL would end a step and begin another one: then none is taken. */
async function take(steps: readonly string[]): Promise<number> {
  if (steps.some(step => step.includes('\0'))) return 0
  const done = Buffer.alloc(4)
  await fileStepsNativeAsync(Buffer.from(steps.map(step => `${step}\0`).join('')), done)
  return done.readInt32LE()
}

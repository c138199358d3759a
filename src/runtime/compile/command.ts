/** The end of every program: the working folder, the seccomp filter, and the command itself. */

import { InvalidParameter } from '../../kernel/errors.ts'
import type { Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { O, SECCOMP, SECCOMP_FLAG, SECCOMP_FLAGS } from '../../program/flags.ts'
import type { Slot, Step } from '../../program/step.ts'
import { filterProgram, stringArray } from '../../program/syscall-structs.ts'
import type { ProcessSpec, SeccompFilter } from '../spec.ts'
import { makeFolder, openInside } from './targets.ts'

const FOLDER = O('O_PATH', 'O_DIRECTORY', 'O_CLOEXEC')

/** Makes what is missing of the working folder, as Docker does, while the root can still be written to. */
export function makeWorkingFolder(slots: Slots, root: Slot, { cwd }: ProcessSpec): Step[] {
  const parts = cwd.split('/').filter(part => part !== '' && part !== '.')
  if (!cwd.startsWith('/'))
    throw new InvalidParameter(`the working directory '${cwd}' is invalid, it needs to be an absolute path`)
  let folder = root
  return parts.flatMap((part, index): Step[] => {
    const make =
      part === '..'
        ? []
        : [makeFolder(folder, part, `/${parts.slice(0, index + 1).join('/')}`, `the working folder ${cwd}`)]
    if (index === parts.length - 1) return make
    const next = folder.name === 'parent' ? slots.named('child') : slots.named('parent')
    const step = openInside(folder, part, FOLDER, next, `on the way to ${cwd}`)
    folder = next
    return [...make, step]
  })
}

/**
 * Stands in the working folder, while the process may still look everywhere. By openat2: neither a descriptor of the host left
 * open by mistake nor any other magic link can be its working folder (CVE-2024-21626).
 */
export function enterWorkingFolder(slots: Slots, root: Slot, { cwd }: ProcessSpec): Step[] {
  const folder = slots.named('cwd')
  return [
    openInside(
      root,
      cwd,
      FOLDER,
      folder,
      'the working folder; a magic link out of the container is refused: CVE-2024-21626',
    ),
    { ...call.fchdir({ fd: folder }), why: `stand in ${cwd}`, launcher: { tool: 'env', option: `--chdir=${cwd}` } },
  ]
}

/** As late as can be: the filter judges every later step too. */
export function loadFilter(filter: SeccompFilter | null): Step[] {
  if (filter === null) return []
  const names = filter.flags as (keyof typeof SECCOMP_FLAGS)[]
  const unknown = names.find(name => !(name in SECCOMP_FLAGS))
  if (unknown) throw new InvalidParameter(`unknown seccomp flag: ${unknown}`)
  return [
    {
      ...call.seccomp({
        operation: SECCOMP('SECCOMP_SET_MODE_FILTER'),
        flags: SECCOMP_FLAG(...names),
        args: filterProgram(filter.instructions, filter.name),
      }),
      why: 'from here on the kernel asks this filter before each system call',
    },
  ]
}

/** The errors that make a search go on to the next folder of PATH. */
const NOT_HERE = ['ENOENT', 'ENOTDIR', 'EACCES']
const DEFAULT_PATH = ''

/** The paths that exec is tried on: the command itself if it names a path, else one in each folder of the container's PATH. */
export function candidates({ argv, env }: ProcessSpec): string[] {
  const [command = ''] = argv
  if (command.includes('/')) return [command]
  const path = env.findLast(entry => entry.startsWith('PATH='))?.slice('PATH='.length) ?? DEFAULT_PATH
  // A relative entry would run whatever lies in the working folder.
  return path
    .split(':')
    .filter(folder => folder.startsWith('/'))
    .map(folder => `${folder.replace(/\/+$/, '')}/${command}`)
}

/** execve(2) is tried on each candidate; the last failure counts. */
export function execute(process: ProcessSpec): Step[] {
  if (process.argv.length === 0 || process.argv[0] === '') throw new InvalidParameter('no command specified')
  const paths = candidates(process)
  const argv = stringArray(process.argv)
  const envp = stringArray(process.env)
  // Without a PATH there is nothing to search, and the kernel shall be the one to say so.
  const attempts = paths.length > 0 ? paths : [process.argv[0]!]
  return attempts.map((pathname, index): Step => {
    const last = index === attempts.length - 1
    return {
      ...call.execve({ pathname, argv, envp }),
      why: last
        ? "this program ends, the container's begins"
        : "found here, the container's command begins; else the search goes on",
      ...(!last && { tolerate: NOT_HERE }),
    }
  })
}

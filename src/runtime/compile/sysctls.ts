/** Kernel parameters of the container's own namespaces, written through the procfs just made. See proc_sys(5). */

import { InvalidParameter } from '../../kernel/errors.ts'
import { call } from '../../program/calls.ts'
import { O } from '../../program/flags.ts'
import { inRoot, word } from '../../program/shell.ts'
import type { Step } from '../../program/step.ts'
import type { ContainerContext } from './context.ts'
import { openOwn } from './targets.ts'

export function writeSysctls({ spec, slots, placed }: ContainerContext): Step[] {
  return Object.entries(spec.sysctls).flatMap(([key, value]): Step[] => {
    const path = `sys/${key.replaceAll('.', '/')}`
    // openat2 keeps to this procfs, but /proc/sysrq-trigger is in it too.
    if (path.split('/').some(part => part === '' || part === '..')) throw new InvalidParameter(`invalid sysctl: ${key}`)
    const file = slots.named('sysctl')
    return [
      { ...openOwn(placed.get('/proc')!, path, O('O_WRONLY', 'O_CLOEXEC'), file, key), subject: `open /proc/${path}` },
      {
        ...call.write({ fd: file, buf: value, count: Buffer.byteLength(value) }),
        why: `${key} is ${value} in this container's namespaces`,
        man: 'proc_sys(5)',
        subject: `write /proc/${path}`,
        shell: `echo ${word(value)} >${inRoot(`/proc/${path}`)}`,
      },
    ]
  })
}

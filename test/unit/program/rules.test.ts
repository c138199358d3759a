/** Programs in a wrong order are refused before they run. */

import { describe, expect, it } from 'vitest'
import { buildProgram, inAct, Slots } from '../../../src/program/builder.ts'
import { type Call, call } from '../../../src/program/calls.ts'
import { AT_FDCWD, MNT, MS, O, octal, PR, SECCOMP } from '../../../src/program/flags.ts'
import type { Step } from '../../../src/program/step.ts'

const why = 'a test'
const step = (made: Call, rest: Partial<Step> = {}): Step => ({ ...made, why, ...rest })
const exec = (rest: Partial<Step> = {}): Step => step(call.execve({ pathname: '/x', argv: 0, envp: 0 }), rest)
const makePrivate = step(
  call.mount({ source: null, target: '/', filesystemtype: null, mountflags: MS('MS_REC', 'MS_PRIVATE'), data: null }),
)
const mount = step(call.mount({ source: 'x', target: '/x', filesystemtype: 'tmpfs', mountflags: 0, data: null }))
const groups = step(call.setgroups({ size: 0, list: null }))
const gid = step(call.setresgid({ rgid: 1, egid: 1, sgid: 1 }))
const uid = step(call.setresuid({ ruid: 1, euid: 1, suid: 1 }))
const build = (...steps: Step[]) => buildProgram(steps, new Slots())

describe('a program', () => {
  it('in the right order is taken', () => {
    expect(build(makePrivate, mount, groups, gid, uid, exec()).steps).toHaveLength(6)
  })

  it.each<[string, Step[]]>([
    ['the last step is not an execve', [uid]],
    ['must not tolerate a failure', [exec({ tolerate: ['ENOENT'] })]],
    ['comes after an execve', [exec({ tolerate: ['ENOENT'] }), uid, exec()]],
    ['mounts before propagation is private', [mount, makePrivate, exec()]],
    ['groups can no longer be set', [gid, groups, uid, exec()]],
    ['the group can no longer be set', [groups, uid, gid, exec()]],
    ['dropping from the bounding set', [uid, step(call.prctl({ op: PR('PR_CAPBSET_DROP'), arg2: 1 })), exec()]],
    ['takes all capabilities away', [uid, step(call.prctl({ op: PR('PR_SET_KEEPCAPS'), arg2: 1 })), exec()]],
    ['the user may not do that', [makePrivate, uid, mount, exec()]],
    [
      "judged by the container's own seccomp filter",
      [step(call.seccomp({ operation: SECCOMP('SECCOMP_SET_MODE_FILTER'), flags: 0, args: 0 })), uid, exec()],
    ],
    [
      'an act that is over',
      [...inAct('lock', [uid]), ...inAct('gather', [step(call.umask({ mask: octal(0) }))]), exec()],
    ],
    [
      'too many arguments or tolerated errors',
      [step(call.umask({ mask: 0 }), { tolerate: ['A', 'B', 'C', 'D', 'E'] }), exec()],
    ],
  ])('is refused: %s', (words, steps) => {
    expect(() => build(...steps)).toThrow(words)
  })

  it('that leaves a descriptor open is refused', () => {
    const slots = new Slots()
    const leak = step(call.openat({ dirfd: AT_FDCWD, pathname: '/', flags: O('O_RDONLY') }), {
      result: slots.named('leak'),
    })
    expect(() => buildProgram([leak, exec()], slots)).toThrow('leaves a descriptor open for the container')
  })

  it('that reads what nothing has filled is refused', () => {
    const slots = new Slots()
    const empty = step(call.fchdir({ fd: slots.named('empty') }))
    expect(() => buildProgram([empty, exec()], slots)).toThrow('reads empty, which nothing has filled')
  })

  it('that follows a path of the image in a call that follows links is refused', () => {
    const detach = step(call.umount2({ target: '.', flags: MNT('MNT_DETACH') }))
    const inside = inAct('furnish', [step(call.mkdirat({ dirfd: AT_FDCWD, pathname: '/etc/x', mode: octal(0o755) }))])
    expect(() => build(makePrivate, detach, ...inside, exec())).toThrow('follows a path of the image')
  })
})

describe('slots', () => {
  it('of passed descriptors come first, each descriptor once', () => {
    const slots = new Slots()
    const first = slots.passed(20, 'a')
    expect(slots.passed(21, 'b').index).toBe(first.index + 1)
    expect(slots.passed(20, 'again')).toBe(first)
    expect(slots.named('own').index).toBe(first.index + 2)
    expect(slots.named('own').index).toBe(first.index + 2)
    expect(slots.passedFds).toEqual([20, 21])
    expect(() => slots.passed(22, 'late')).toThrow('must be passed before')
  })
})

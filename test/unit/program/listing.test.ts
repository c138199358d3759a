import { expect, it } from 'vitest'
import { Slots } from '../../../src/program/builder.ts'
import { call } from '../../../src/program/calls.ts'
import { AT_FDCWD, device, MS, nodeMode, O, octal, PR } from '../../../src/program/flags.ts'
import { describeProgram, listProgram, showCall } from '../../../src/program/listing.ts'
import { toScript } from '../../../src/program/script.ts'
import type { Step } from '../../../src/program/step.ts'
import { mountAttr, stringArray } from '../../../src/program/syscall-structs.ts'

const slots = new Slots()
const root = slots.named('root')
const steps: Step[] = [
  {
    ...call.openat({ dirfd: AT_FDCWD, pathname: '/', flags: O('O_PATH', 'O_CLOEXEC') }),
    result: root,
    why: 'to hold it',
    act: 'gather',
  },
  {
    ...call.mkdirat({ dirfd: root, pathname: 'a "quoted"\nname', mode: octal(0o755) }),
    tolerate: ['EEXIST'],
    why: 'a folder',
    act: 'furnish',
    shell: 'mkdir -p "$root"/x',
  },
]
const program = { steps, slotCount: slots.count }

it('shows calls as strace does', () => {
  expect(steps.map(showCall)).toEqual([
    '{root} = openat(AT_FDCWD, "/", O_PATH|O_CLOEXEC)',
    'mkdirat({root}, "a \\"quoted\\"\\nname", 0755)',
  ])
  const shown = (made: ReturnType<(typeof call)['prctl']>) => showCall({ ...made, why: '' })
  expect(shown(call.prctl({ op: PR('PR_SET_DUMPABLE'), arg2: 0 }))).toBe('prctl(PR_SET_DUMPABLE, 0)')
  expect(
    shown(
      call.mount({
        source: null,
        target: '/',
        filesystemtype: null,
        mountflags: MS('MS_REC', 'MS_PRIVATE'),
        data: null,
      }),
    ),
  ).toBe('mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)')
  expect(shown(call.mknodat({ dirfd: root, pathname: 'n', mode: nodeMode('c', 0o666), dev: device(10, 200) }))).toBe(
    'mknodat({root}, "n", S_IFCHR|0666, makedev(10, 200))',
  )
  expect(shown(call.execve({ pathname: '/x', argv: stringArray(['a', 'b c']), envp: stringArray([]) }))).toBe(
    'execve("/x", ["a", "b c"], [])',
  )
  expect(
    shown(
      call.mount_setattr({
        dfd: root,
        path: '',
        flags: 0,
        uattr: mountAttr({ propagation: MS('MS_SLAVE') }),
        usize: 32,
      }),
    ),
  ).toContain('{propagation=MS_SLAVE}')
})

it('encodes device numbers as the kernel does', () => {
  expect([device(1, 3).value, device(300, 70000).value]).toEqual([0x103, 0x11112c70])
})

it('numbers the steps, with what came of them', () => {
  const reports = [
    { step: 0, result: 3, durationNs: 1500 },
    { step: 1, result: -17, durationNs: 20 },
  ]
  expect(listProgram(program, reports)).toBe(
    [
      'gather: what is needed of the host, held by descriptors',
      '   1  {root} = openat(AT_FDCWD, "/", O_PATH|O_CLOEXEC) = 3 <1.5 µs>',
      '      # to hold it — open(2)',
      '',
      'furnish: what every container finds, and what was asked for',
      '   2  mkdirat({root}, "a \\"quoted\\"\\nname", 0755) = -1 EEXIST <0.0 µs>',
      '      # a folder — mkdir(2)',
      '',
    ].join('\n'),
  )
  expect(describeProgram(program, reports)[1]).toMatchObject({
    call: 'mkdirat',
    error: 'EEXIST',
    tolerated: ['EEXIST'],
    duration_ns: 20,
  })
})

it('without reports says which errors are as good as success', () => {
  expect(listProgram(program)).toContain('0755) (or EEXIST)')
})

it('as a script has a command or a reason for each step', () => {
  const exec: Step = {
    ...call.execve({ pathname: '/bin/x', argv: stringArray(["it's"]), envp: stringArray(['A=b c']) }),
    why: '',
    act: 'exec',
  }
  const script = toScript({
    name: 'x',
    cloneFlags: 0x20020000,
    before: null,
    program: { ...program, steps: [...steps, exec] },
    rootMountPoint: '/r',
    setUp: [],
  })
  expect(script).toContain('exec unshare --mount --pid --fork --kill-child -- sh "$0" inside')
  expect(script).toContain('(a shell works on paths, not on descriptors)')
  expect(script).toContain('\nmkdir -p "$root"/x\n')
  expect(script).toMatch(/env -i 'A=b c' \\\n {4}'it'\\''s'\n$/)
})

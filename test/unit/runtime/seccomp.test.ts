/** Profiles: as data, and loaded around real processes. What a filter does to a call is asked of the kernel. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { capabilitySets, DEFAULT_CAPABILITIES } from '../../../src/runtime/capabilities.ts'
import { applies, compileSeccomp, thisMachine } from '../../../src/runtime/seccomp/compile.ts'
import { DEFAULT_PROFILE } from '../../../src/runtime/seccomp/default-profile.ts'
import { parseSeccompProfile } from '../../../src/runtime/seccomp/parse.ts'
import { ALWAYS } from '../../../src/runtime/seccomp/profile.ts'
import { makeSandbox, type Sandbox, shell } from './sandbox.ts'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const profile = (rest: object) => parseSeccompProfile(JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', ...rest }))

describe('a profile', () => {
  it.each([
    ['root:x', /decoding seccomp profile failed/],
    ['[]', /cannot unmarshal array/],
    ['{}', /seccomp profile has no defaultAction/],
    ['{"defaultAction":"SCMP_ACT_PRAISE"}', /string SCMP_ACT_PRAISE is not a valid action for seccomp/],
    ['{"defaultAction":"SCMP_ACT_NOTIFY"}', /not supported/],
    [
      '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_VAX"]}',
      /string SCMP_ARCH_VAX is not a valid arch for seccomp/,
    ],
    [
      '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86"}]}',
      /use either 'architectures' or 'archMap'/,
    ],
    [
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ERRNO"}]}',
      /use either 'name' or 'names'/,
    ],
    [
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"op":"~"}]}]}',
      /string ~ is not a valid operator for seccomp/,
    ],
    ['{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":"read"}]}', /cannot unmarshal string/],
  ])('that is wrong is refused: %s', (text, words) => {
    expect(() => parseSeccompProfile(text)).toThrow(words)
  })

  it('has rules that depend on capabilities, architecture and kernel', () => {
    const machine = { ...thisMachine(), go: 'amd64', kernel: [5, 14] as const }
    const rule = {
      names: [],
      action: 'SCMP_ACT_ALLOW' as const,
      errno: null,
      args: [],
      includes: ALWAYS,
      excludes: ALWAYS,
    }
    const holds = (change: object, caps: string[] = []) => applies({ ...rule, ...change }, caps, machine)
    expect(holds({})).toBe(true)
    expect(holds({ includes: { ...ALWAYS, caps: ['CAP_BPF'] } })).toBe(false)
    expect(holds({ includes: { ...ALWAYS, caps: ['CAP_BPF'] } }, ['CAP_BPF'])).toBe(true)
    expect(holds({ excludes: { ...ALWAYS, caps: ['CAP_BPF'] } }, ['CAP_BPF'])).toBe(false)
    expect(holds({ includes: { ...ALWAYS, arches: ['arm64'] } })).toBe(false)
    expect(holds({ includes: { ...ALWAYS, arches: ['arm64', 'amd64'] } })).toBe(true)
    expect(holds({ includes: { ...ALWAYS, minKernel: [5, 14] } })).toBe(true)
    expect(holds({ includes: { ...ALWAYS, minKernel: [5, 15] } })).toBe(false)
    expect(holds({ excludes: { ...ALWAYS, minKernel: [4, 8] } })).toBe(false)
  })

  it('is compiled once for the same capabilities', () => {
    const first = compileSeccomp(DEFAULT_PROFILE, 'default', DEFAULT_CAPABILITIES)
    expect(compileSeccomp(DEFAULT_PROFILE, 'default', [...DEFAULT_CAPABILITIES].reverse()).instructions).toBe(
      first.instructions,
    )
    expect(compileSeccomp(DEFAULT_PROFILE, 'default', []).instructions).not.toBe(first.instructions)
  })
})

describe('the default filter', () => {
  it('lets a shell work, and refuses new namespaces, mounts and keys', async () => {
    const output = await shell(
      sandbox,
      'unshare -U true; mount -t tmpfs x /tmp; ls / | wc -l; (sleep 0 & wait) && echo forked',
    )
    expect(output).toMatch(/unshare: unshare.*: Operation not permitted\nmount: permission denied.*\n\d+\nforked/)
  })

  it('allows mounts to those who have the capability', async () => {
    const capabilities = [...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN']
    const seccomp = compileSeccomp(DEFAULT_PROFILE, 'default', capabilities)
    const output = await shell(
      sandbox,
      'mount -t tmpfs x /tmp && echo mounted',
      { seccomp },
      { capabilities: capabilitySets(capabilities) },
    )
    expect(output).toBe('mounted')
  })
})

describe('a filter of the user’s own', () => {
  it('fails a call with the error that it names', async () => {
    const seccomp = compileSeccomp(
      profile({ syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }] }),
      'own',
      [],
    )
    expect(await shell(sandbox, 'mkdir /x', { seccomp })).toBe(
      "mkdir: can't create directory '/x': No space left on device",
    )
    expect(await shell(sandbox, 'mkdir /x', { seccomp }, { uid: 1000, noNewPrivileges: true })).toContain(
      'No space left on device',
    )
    expect(await shell(sandbox, 'mkdir /x', { seccomp }, { uid: 1000 })).toContain('No space left on device')
  })

  it('judges arguments', async () => {
    const args = [{ index: 1, value: 0o700, op: 'SCMP_CMP_EQ' }]
    const rule = { names: ['chmod'], action: 'SCMP_ACT_ERRNO', errnoRet: 95, args }
    const seccomp = compileSeccomp(profile({ syscalls: [rule] }), 'own', [])
    const output = await shell(sandbox, 'chmod 700 /tmp; chmod 755 /tmp && echo 755', { seccomp })
    expect(output).toBe('chmod: /tmp: Operation not supported\n755')
  })
})

import { describe, expect, test } from 'vitest'
import { parseSecurityOptions, relabelWarnings } from '../../../src/containers/spec/security-options.ts'
import { NotImplemented } from '../../../src/kernel/errors.ts'

describe('rules of a security module', () => {
  const RULES = ['apparmor=docker-default', 'label=type:svirt_t', 'label:type:svirt_t']

  test.each(RULES)('%s is taken on a host without the module', option => {
    expect(parseSecurityOptions([option], new Set())).toEqual(parseSecurityOptions([], new Set()))
  })

  test.each(RULES)('%s is refused on a host with it', option => {
    expect(() => parseSecurityOptions([option], new Set(['AppArmor', 'SELinux']))).toThrow(NotImplemented)
  })

  test.each(['apparmor=unconfined', 'label=disable'])('%s is what we do', option => {
    expect(parseSecurityOptions([option], new Set(['AppArmor', 'SELinux']))).toEqual(
      parseSecurityOptions([], new Set()),
    )
  })

  test('one module says nothing about the other', () => {
    expect(() => parseSecurityOptions(['apparmor=x'], new Set(['SELinux']))).not.toThrow()
    expect(() => parseSecurityOptions(['label=type:x'], new Set(['AppArmor']))).not.toThrow()
  })
})

test('who asks for other labels is told, on a host that has labels', () => {
  const binds = ['/data:/data:z', '/data:/data:ro,Z', '/data:/z', '/z:/data:ro', 'zone:/data']
  expect(relabelWarnings(binds, new Set(['AppArmor']))).toEqual([])
  expect(relabelWarnings(binds, new Set(['SELinux']))).toEqual([
    '/data:/data:z: skiff relabels nothing. If SELinux denies it to the container: chcon -Rt container_file_t /data',
    '/data:/data:ro,Z: skiff relabels nothing. If SELinux denies it to the container: chcon -Rt container_file_t /data',
  ])
})

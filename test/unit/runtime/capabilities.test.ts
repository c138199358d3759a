import { describe, expect, it } from 'vitest'
import {
  capabilitiesIn,
  capabilityMask,
  chooseCapabilities,
  DEFAULT_CAPABILITIES,
} from '../../../src/runtime/capabilities.ts'

const ALL = capabilitiesIn((1n << 41n) - 1n)
const choose = (add: string[], drop: string[], privileged = false, available = ALL) =>
  chooseCapabilities({ add, drop, privileged }, available)

describe('the capabilities of a container', () => {
  it('are the 14 of Docker by default', () => {
    expect(choose([], [])).toEqual(DEFAULT_CAPABILITIES)
    expect(capabilityMask(choose([], []))).toBe(0xa80425fbn)
  })

  it('can be added and dropped by their short names, in any case', () => {
    expect(capabilityMask(choose(['net_admin'], ['CAP_MKNOD', 'chown']))).toBe(
      0xa80425fbn + (1n << 12n) - (1n << 27n) - 1n,
    )
  })

  it('are all of them, but those dropped', () => {
    expect(choose(['ALL'], ['SYS_ADMIN'])).toEqual(ALL.filter(name => name !== 'CAP_SYS_ADMIN'))
  })

  it('are only those added when all are dropped', () => {
    expect(choose(['NET_RAW', 'KILL'], ['ALL'])).toEqual(['CAP_NET_RAW', 'CAP_KILL'])
    expect(choose([], ['all'])).toEqual([])
  })

  it('are what the daemon itself has when privileged', () => {
    const available = ALL.filter(name => name !== 'CAP_SYS_RESOURCE')
    expect(choose([], ['CHOWN'], true, available)).toEqual(available)
  })

  it('are never more than the daemon has', () => {
    const available = DEFAULT_CAPABILITIES.filter(name => name !== 'CAP_MKNOD')
    expect(choose([], [], false, available)).not.toContain('CAP_MKNOD')
    expect(() => choose(['SYS_RESOURCE'], [], false, available)).toThrow(
      'invalid CapAdd: capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
    )
  })

  it('that do not exist are refused', () => {
    expect(() => choose(['FOO'], [])).toThrow('invalid CapAdd: unknown capability: "CAP_FOO"')
    expect(() => choose([], ['FOO'])).toThrow('invalid CapDrop: unknown capability: "CAP_FOO"')
  })
})

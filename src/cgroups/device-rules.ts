/**
 * Rules of device access, and the state that a list of them leads to. Kernel: cgroup-v1/devices.rst,
 * security/device_cgroup.c. The v1 kernel keeps just that state, a default and a list of exceptions, and v2's program is
 * generated from it: so both versions allow exactly the same.
 */

import { InvalidParameter } from '../kernel/errors.ts'
import type { DeviceRule } from './types.ts'

const allow = (type: 'b' | 'c', major: number | null, minor: number | null, access: string): DeviceRule => ({
  allow: true,
  type,
  major,
  minor,
  access,
})

export const DENY_ALL_DEVICES: DeviceRule = { allow: false, type: 'a', major: null, minor: null, access: 'rwm' }

/** For a privileged container. */
export const ALLOW_ALL_DEVICES: DeviceRule = { ...DENY_ALL_DEVICES, allow: true }

/** What Docker lets a container use. mknod of any device is harmless as long as it cannot be opened. */
export const DEFAULT_DEVICE_RULES: readonly DeviceRule[] = [
  DENY_ALL_DEVICES,
  allow('c', null, null, 'm'),
  allow('b', null, null, 'm'),
  allow('c', 1, 3, 'rwm'), // null
  allow('c', 1, 5, 'rwm'), // zero
  allow('c', 1, 7, 'rwm'), // full
  allow('c', 1, 8, 'rwm'), // random
  allow('c', 1, 9, 'rwm'), // urandom
  allow('c', 5, 0, 'rwm'), // tty
  allow('c', 5, 1, 'rwm'), // console
  allow('c', 5, 2, 'rwm'), // ptmx
  allow('c', 10, 200, 'rwm'), // net/tun
  allow('c', 136, null, 'rwm'), // pts/*
]

export interface DeviceException {
  type: 'b' | 'c'
  major: number | null
  minor: number | null
  access: string
}

export interface DeviceAccess {
  /** What holds for a device that no exception names. */
  allowByDefault: boolean
  exceptions: DeviceException[]
}

/** `c 1:3 rwm`, as devices.allow takes it and devices.list shows it. */
export const formatException = ({ type, major, minor, access }: DeviceException): string =>
  `${type} ${major ?? '*'}:${minor ?? '*'} ${access}`

const ACCESS = ['r', 'w', 'm'] as const
const ordered = (letters: Iterable<string>): string => {
  const set = new Set(letters)
  return ACCESS.filter(letter => set.has(letter)).join('')
}

/** The state after all rules, from "allow all" on: that is what a new group inherits where nothing above it forbids. */
export function deviceAccess(rules: readonly DeviceRule[]): DeviceAccess {
  let state: DeviceAccess = { allowByDefault: true, exceptions: [] }
  for (const rule of rules) {
    checkRule(rule)
    if (rule.type === 'a') state = { allowByDefault: rule.allow, exceptions: [] }
    else if (rule.allow === state.allowByDefault) state.exceptions = withoutException(state.exceptions, rule)
    else state.exceptions = withException(state.exceptions, rule)
  }
  return state
}

function checkRule({ access, major, minor }: DeviceRule): void {
  if (!/^[rwm]{1,3}$/.test(access)) throw new InvalidParameter(`invalid device access '${access}': letters of rwm`)
  for (const number of [major, minor]) {
    if (number !== null && !(Number.isInteger(number) && number >= 0 && number < 2 ** 32)) {
      throw new InvalidParameter(`invalid device number '${number}'`)
    }
  }
}

const sameDevice = (a: DeviceException, b: DeviceRule): boolean =>
  a.type === b.type && a.major === b.major && a.minor === b.minor

function withException(exceptions: DeviceException[], rule: DeviceRule): DeviceException[] {
  const present = exceptions.find(exception => sameDevice(exception, rule))
  const merged = { ...exceptionOf(rule), access: ordered(`${present?.access ?? ''}${rule.access}`) }
  return present ? exceptions.map(exception => (exception === present ? merged : exception)) : [...exceptions, merged]
}

function withoutException(exceptions: DeviceException[], rule: DeviceRule): DeviceException[] {
  for (const exception of exceptions) {
    if (sameDevice(exception, rule) || !covers(exception, rule)) continue
    // The v1 kernel would ignore this rule without a word: it only takes back what was given in the same words.
    throw new InvalidParameter(
      `device rule '${formatException(exceptionOf(rule))}' takes a part out of '${formatException(exception)}': not possible`,
    )
  }
  return exceptions.flatMap(exception => {
    if (!sameDevice(exception, rule)) return [exception]
    const access = ordered([...exception.access].filter(letter => !rule.access.includes(letter)))
    return access ? [{ ...exception, access }] : []
  })
}

/** Whether an exception speaks of devices and accesses that the rule speaks of, too. */
const covers = (exception: DeviceException, rule: DeviceRule): boolean =>
  exception.type === rule.type &&
  (exception.major === null || rule.major === null || exception.major === rule.major) &&
  (exception.minor === null || rule.minor === null || exception.minor === rule.minor) &&
  [...rule.access].some(letter => exception.access.includes(letter))

function exceptionOf({ type, major, minor, access }: DeviceRule): DeviceException {
  if (type === 'a') throw new InvalidParameter('a rule for all devices is no exception')
  return { type, major, minor, access: ordered(access) }
}

/** The text of devices.list: `a *:* rwm` alone means "allow all". Exceptions to "allow all" are not shown by the kernel. */
export function parseDevicesList(text: string): DeviceAccess {
  const exceptions: DeviceException[] = []
  for (const [, type, major, minor, access = ''] of text.matchAll(/^([abc]) (\d+|\*):(\d+|\*) ([rwm]+)$/gm)) {
    if (type === 'a') return { allowByDefault: true, exceptions: [] }
    const number = (text: string | undefined): number | null => (text === '*' ? null : Number(text))
    exceptions.push({
      type: type === 'b' ? 'b' : 'c',
      major: number(major),
      minor: number(minor),
      access: ordered(access),
    })
  }
  return { allowByDefault: false, exceptions }
}

/** Whether a group with this access may give all of an exception to a group below it: as the v1 kernel decides. */
export const isAllowed = (wanted: DeviceException, { allowByDefault, exceptions }: DeviceAccess): boolean =>
  allowByDefault ||
  exceptions.some(
    ({ type, major, minor, access }) =>
      type === wanted.type &&
      (major === null || major === wanted.major) &&
      (minor === null || minor === wanted.minor) &&
      [...wanted.access].every(letter => access.includes(letter)),
  )

/** Platforms as users and indexes write them, and which image of several a machine gets. */

import { expect, test } from 'vitest'
import type { Index } from '../../../src/images/oci.ts'
import { formatPlatform, parsePlatform } from '../../../src/images/platforms.ts'
import { chooseManifest } from '../../../src/images/registry/choose-platform.ts'

test.each([
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/arm/v6', 'linux/arm/v6'],
  ['arm64', 'linux/arm64'],
  ['S390X', 'linux/s390x'],
])('%s is %s', (text, expected) => {
  expect(formatPlatform(parsePlatform(text))).toBe(expected)
})

test.each(['', 'nonsense', 'linux/a/b/c', 'linux/$'])('%j is none', text => {
  expect(() => parsePlatform(text)).toThrow(/unknown operating system or architecture|invalid component|cannot parse/)
})

const index = (...platforms: string[]): Index => ({
  schemaVersion: 2,
  manifests: platforms.map(text => {
    const [os = '', architecture = '', variant] = text.split('/')
    const platform = { os, architecture, ...(variant === undefined ? {} : { variant }) }
    return { mediaType: 'm', digest: text as never, size: 1, platform }
  }),
})

test.each([
  ['linux/amd64', ['linux/arm64/v8', 'linux/amd64'], 'linux/amd64'],
  ['linux/amd64', ['linux/386'], 'linux/386'],
  ['linux/amd64', ['linux/amd64/v3', 'linux/amd64'], 'linux/amd64'],
  ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2'], 'linux/amd64/v2'],
  ['linux/arm64', ['linux/arm/v7', 'linux/arm64/v8'], 'linux/arm64/v8'],
  ['linux/arm64', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'],
  ['linux/arm/v6', ['linux/arm/v7', 'linux/arm/v5'], 'linux/arm/v5'],
])('who asks for %s of %j gets %s', (wanted, offered, expected) => {
  expect(chooseManifest(index(...offered), wanted).digest).toBe(expected)
})

test('what does not fit is refused in the words of Docker', () => {
  expect(() => chooseManifest(index('linux/amd64', 'unknown/unknown'), 'linux/s390x')).toThrow(
    'no matching manifest for linux/s390x in the manifest list entries',
  )
})

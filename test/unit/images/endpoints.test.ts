/** Where requests go: mirrors, proxies, registries that need no certificate; and the settings that say so. */

import { expect, test } from 'vitest'
import { readSettings } from '../../../src/daemon/settings.ts'
import { isInsecure, parseMirror } from '../../../src/images/registry/endpoints.ts'
import { proxyFor } from '../../../src/images/registry/proxies.ts'

const PROXIES = { http: 'http://plain:1', https: 'http://secure:2' }

test.each([
  ['http://registry.example:5000', '', 'http://plain:1'],
  ['https://registry.example', '', 'http://secure:2'],
  ['https://registry.example', 'registry.example', null],
  ['https://registry.example', 'example', null],
  ['https://registry.example', '.example', null],
  ['https://registry.example', '*.example', null],
  ['https://example', '.example', 'http://secure:2'],
  ['https://notexample', 'example', 'http://secure:2'],
  ['https://registry.example', 'a, b ,REGISTRY.EXAMPLE', null],
  ['https://registry.example', 'registry.example:443', null],
  ['https://registry.example', 'registry.example:5000', 'http://secure:2'],
  ['https://registry.example', '*', null],
  ['http://10.1.2.3:5000', '10.0.0.0/8', null],
  ['http://10.1.2.3:5000', '10.1.2.3', null],
  ['http://11.1.2.3:5000', '10.0.0.0/8', 'http://plain:1'],
  ['http://[fd00::1]:5000', 'fd00::/8', null],
  ['http://[fd00::1]:5000', 'fd00::1', null],
  ['http://127.0.0.1:5000', '', null],
  ['http://localhost:5000', '', null],
  ['http://[::1]:5000', '', null],
  ['http://registry.example', '10.0.0.0/99,/,10/x', 'http://plain:1'],
])('%s with no-proxy "%s" goes through %s', (origin, no, expected) => {
  expect(proxyFor(new URL(origin), { ...PROXIES, no })).toBe(expected)
})

test.each([
  ['127.0.0.1:5000', [], true],
  ['127.5.5.5', [], true],
  ['localhost:5000', [], true],
  ['[::1]:5000', [], true],
  ['127.example.com', [], false],
  ['10.1.2.3:5000', [], false],
  ['10.1.2.3:5000', ['10.1.2.3'], true],
  ['10.1.2.3:5000', ['10.1.2.3:5000'], true],
  ['10.1.2.3:5000', ['10.1.2.3:5001'], false],
  ['10.1.2.3:5000', ['10.0.0.0/8'], true],
  ['10.1.2.3:5000', ['11.0.0.0/8'], false],
  ['[fd00::5]:5000', ['fd00::/8'], true],
  ['registry.example:5000', ['registry.example:5000'], true],
  ['registry.example:5000', ['other.example:5000'], false],
])('%s with insecure-registries %j: insecure %s', async (domain, entries, expected) => {
  expect(await isInsecure(domain, entries)).toBe(expected)
})

test.each([
  ['ftp://x', 'invalid mirror: unsupported scheme "ftp" in "ftp://x": use http or https'],
  ['https://x/y', 'invalid mirror: path, query, or fragment at end of the URI "https://x/y"'],
  ['https://me:secret@x', 'invalid mirror: username/password not allowed in URI'],
  ['x', 'invalid mirror: "x" is not a valid URI'],
])('a mirror %s is refused', (mirror, message) => {
  expect(() => parseMirror(mirror)).toThrow(message)
})

test('limits of transfers', () => {
  expect(readSettings({}, {}).transfers).toEqual({ downloads: 3, uploads: 5, attempts: 5 })
  for (const [raw, message] of [
    [{ 'max-concurrent-downloads': -1 }, 'invalid max concurrent downloads: -1'],
    [{ 'max-concurrent-uploads': -1 }, 'invalid max concurrent uploads: -1'],
    [{ 'max-download-attempts': 0 }, 'invalid max download attempts: 0'],
  ] as const)
    expect(() => readSettings(raw, {})).toThrow(message)
})

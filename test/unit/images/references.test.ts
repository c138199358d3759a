import { describe, expect, it } from 'vitest'
import { familiarName, fullName, parseReference, withDefaultTag } from '../../../src/images/references.ts'

const DIGEST = `sha256:${'a1'.repeat(32)}`

describe('references', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
    ['me/app', 'docker.io/me/app:latest', 'me/app:latest'],
    ['library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['[::1]:5000/app', '[::1]:5000/app:latest', '[::1]:5000/app:latest'],
    ['registry.example.org/team/app', 'registry.example.org/team/app:latest', 'registry.example.org/team/app:latest'],
    ['UPPER/app', 'UPPER/app:latest', 'UPPER/app:latest'],
    [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
    [`busybox:1@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
    ['a.b_c__d---e/f', 'docker.io/a.b_c__d---e/f:latest', 'a.b_c__d---e/f:latest'],
  ])('reads %s as %s and shows %s', (text, full, familiar) => {
    // `a.b_c__d---e` has a dot and would be a domain, but no domain has underscores: Docker refuses it likewise.
    if (text.startsWith('a.b_c')) {
      expect(() => parseReference(text)).toThrow('invalid reference format')
      return
    }
    const reference = withDefaultTag(parseReference(text))
    expect(fullName(reference)).toBe(full)
    expect(familiarName(reference)).toBe(familiar)
  })

  it.each([
    '',
    ':latest',
    'a:',
    'a:b:c',
    'a//b',
    '/a',
    'a/',
    '-a',
    'a-',
    'a..b',
    'a___b',
    'a:-x',
    'a b',
    'a@',
    'a@sha256:12',
    'ä',
    `a:${'t'.repeat(129)}`,
    'http://a/b',
    'a:b/c:d/e',
    `a@${DIGEST}@${DIGEST}`,
  ])('refuses %j', text => {
    expect(() => parseReference(text)).toThrow('invalid reference format')
  })

  it('refuses capitals, whole ids and names that are too long in words of their own', () => {
    expect(() => parseReference('Busybox')).toThrow(
      'invalid reference format: repository name (library/Busybox) must be lowercase',
    )
    expect(() => parseReference('ab'.repeat(32))).toThrow('cannot specify 64-byte hexadecimal strings')
    expect(() => parseReference('a'.repeat(256))).toThrow('repository name must not be more than 255 characters')
  })
})

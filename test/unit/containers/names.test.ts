/** Names, and how a container is found by what a user typed. */

import { describe, expect, it } from 'vitest'
import { findId } from '../../../src/containers/store/lookup.ts'
import { checkName, Names } from '../../../src/containers/store/names.ts'
import { randomName } from '../../../src/containers/store/random-name.ts'
import type { ContainerId } from '../../../src/containers/types.ts'

const id = (start: string): ContainerId => start.padEnd(64, '0') as ContainerId

describe('names', () => {
  it('are what Docker allows', () => {
    expect(checkName('/web.1_a-b')).toBe('web.1_a-b')
    for (const bad of ['a', '-ab', 'a/b', '', 'ä1'])
      expect(() => checkName(bad)).toThrow(
        `Invalid container name (${bad}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      )
  })

  it('belong to one container', () => {
    const names = new Names()
    names.reserve('web', id('a'))
    names.reserve('web', id('a'))
    expect(() => names.reserve('web', id('b'))).toThrow(
      `Conflict. The container name "/web" is already in use by container "${id('a')}". ` +
        'You have to remove (or rename) that container to be able to reuse that name.',
    )
    names.release('web', id('b'))
    expect(names.owner('web')).toBe(id('a'))
    names.release('web', id('a'))
    expect(names.owner('web')).toBeUndefined()
  })

  it('of our choosing are an adjective and a surname, and never taken twice', () => {
    expect(randomName()).toMatch(/^[a-z]+_[a-z]+$/)
    const names = new Names()
    const chosen = Array.from({ length: 500 }, (_, index) =>
      names.reserveRandom(id(index.toString(16).padStart(4, '0'))),
    )
    expect(new Set(chosen).size).toBe(500)
  })
})

describe('a reference', () => {
  const ids = new Map([id('abc1'), id('abc2'), id('de')].map(one => [one, true]))
  const owners: Record<string, ContainerId> = { web: id('abc1'), de: id('abc2'), half: id('ff') }
  const find = (ref: string) => findId(ref, ids, name => owners[name])

  it('is a whole id, a name with or without slash, or the beginning of an id', () => {
    expect(find(id('de'))).toBe(id('de'))
    expect(find('web')).toBe(id('abc1'))
    expect(find('/web')).toBe(id('abc1'))
    expect(find('abc2')).toBe(id('abc2'))
  })
  it('is a name rather than the beginning of an id', () => expect(find('de')).toBe(id('abc2')))
  it('must not be ambiguous', () => expect(() => find('abc')).toThrow('Multiple IDs found with provided prefix: abc'))
  it('does not find what is still being made', () => expect(() => find('half')).toThrow('No such container: half'))
  it('does not find what is not there', () => expect(() => find('nope')).toThrow('No such container: nope'))
})

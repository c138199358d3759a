/** libnftables ends a process in which its socket has a descriptor above 1,023, as one with hundreds of containers would give it. */

import { closeSync, openSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { Unavailable } from '../../src/kernel/errors.ts'
import { Nftables } from '../../src/kernel/nftables.ts'

const opened: number[] = []
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd)
})

test('beside 1,200 open files a context that was made before works, and so does one more; a third is refused', () => {
  const first = new Nftables()
  while ((opened.at(-1) ?? 0) < 1_200) opened.push(openSync('/dev/null', 'r'))
  expect(first.run('list tables')).toEqual(expect.any(String))
  const second = new Nftables()
  expect(second.run('list tables')).toEqual(expect.any(String))
  expect(() => new Nftables()).toThrow(Unavailable)
  second.close()
  const third = new Nftables()
  expect(third.run('list tables')).toEqual(expect.any(String))
  third.close()
  first.close()
})

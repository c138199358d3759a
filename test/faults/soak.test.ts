/** The soak (test/soak) in short: sixty containers of all kinds in a minute, with random kills. The long one is `npm run soak`. */

import { expect, test } from 'vitest'
import { soak } from '../soak/soak.ts'

const SEED = 20_261_121

test('sixty containers in a minute', { timeout: 900_000 }, async () => {
  const { errors, left, kills, kinds, idleKb } = await soak({ seconds: 45, containers: 60, seed: SEED })
  expect(errors).toEqual({})
  expect(left).toEqual({})
  expect(Object.keys(kinds).length).toBeGreaterThan(10)
  expect(kills.daemon).toBeGreaterThan(0)
  // Sixty containers, of which nothing is kept: not as much as a megabyte for each.
  expect(idleKb.after - idleKb.before).toBeLessThan(60 * 1024)
})

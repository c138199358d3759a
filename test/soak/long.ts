/** `npm run soak`: see ./run. A test file by form only, because vitest runs TypeScript on every Node that skiff supports. */

import { expect, test } from 'vitest'
import { soak } from './soak.ts'

const { SKIFF_SOAK_MINUTES = '10', SKIFF_SOAK_CONTAINERS = '1000', SKIFF_SOAK_SEED } = process.env

test('soak', async () => {
  const seed = Number(SKIFF_SOAK_SEED ?? Date.now() % 1_000_000)
  console.log(`${SKIFF_SOAK_CONTAINERS} containers in ${SKIFF_SOAK_MINUTES} minutes; again with --seed ${seed}\n`)
  console.log(
    '| second | containers so far | at once | PSS of the daemon | descriptors |\n| --- | --- | --- | --- | --- |',
  )
  const report = await soak({
    seconds: Number(SKIFF_SOAK_MINUTES) * 60,
    containers: Number(SKIFF_SOAK_CONTAINERS),
    seed,
    onSample: ({ seconds, started, running, pssKb, descriptors }) =>
      console.log(`| ${seconds} | ${started} | ${running} | ${(pssKb / 1024).toFixed(1)} MB | ${descriptors} |`),
  })
  const { samples: _, ...rest } = report
  console.log(JSON.stringify(rest, null, 2))
  expect(report.errors).toEqual({})
  expect(report.left).toEqual({})
})

/** Which stages are needed, and what they stand on. */

import { describe, expect, test } from 'vitest'
import { parseDockerfile } from '../../../src/build/dockerfile/parse.ts'
import { planBuild, sourceStage } from '../../../src/build/plan.ts'
import type { BuildRequest } from '../../../src/build/types.ts'

const plan = (lines: string[], request: Partial<BuildRequest> = {}) =>
  planBuild(parseDockerfile(lines.join('\n')), {
    buildArgs: {},
    contexts: {},
    labels: {},
    platform: '',
    target: '',
    ...request,
  } as BuildRequest)

/** The names of the stages that are built. */
const built = (lines: string[], request?: Partial<BuildRequest>) => plan(lines, request).stages.map(({ name }) => name)

describe('what is needed', () => {
  test('by FROM, COPY --from and RUN --mount, and nothing else', () => {
    const lines = [
      'FROM x AS base',
      'FROM base AS unused',
      'FROM x AS copied',
      'FROM x AS mounted',
      'FROM base AS last',
      'COPY --from=copied /a /a',
      'RUN --mount=from=mounted,target=/m true',
    ]
    expect(built(lines)).toEqual(['base', 'copied', 'mounted', 'last'])
    expect(built(lines, { target: 'unused' })).toEqual(['base', 'unused'])
    expect(built(lines, { target: '2' })).toEqual(['copied'])
  })

  test('a stage that is written down later', () => {
    expect(built(['FROM x AS a', 'COPY --from=b /y /y', 'FROM x AS b', 'FROM a AS c'])).toEqual(['a', 'b', 'c'])
  })

  test('not a stage that a context of the same name stands in for', () => {
    const lines = ['FROM x AS a', 'FROM x AS b', 'COPY --from=a /y /y']
    expect(built(lines, { contexts: { a: { image: 'other' } } })).toEqual(['b'])
  })
})

test('of two stages with one name the earlier one is meant', () => {
  const dockerfile = plan(['FROM x AS a', 'RUN one', 'FROM x AS a', 'COPY --from=a /y /y'])
  expect(sourceStage(dockerfile, 4, 'a')?.index).toBe(0)
})

test('what a trigger of the base names may be an earlier stage, or none', () => {
  const dockerfile = plan(['FROM x AS a', 'FROM triggers AS b', 'COPY --from=a /y /y', 'FROM b'])
  expect(sourceStage(dockerfile, 2, 'a')?.name).toBe('a')
  expect(sourceStage(dockerfile, 2, 'b')).toBeUndefined()
})

describe('refused', () => {
  test.each([
    ['a circle', ['FROM x AS a', 'COPY --from=b /y /y', 'FROM x AS b', 'COPY --from=a /y /y']],
    ['a stage that takes from itself', ['FROM x AS a', 'COPY --from=a /y /y']],
    [
      'a circle with FROM and a mount in it',
      ['FROM x AS a', 'RUN --mount=from=c,target=/c true', 'FROM a AS b', 'FROM b AS c'],
    ],
  ])('%s', (_, lines) => {
    expect(() => plan(lines)).toThrow('circular dependency detected on stage: a')
  })

  test('a number that is no stage before it', () => {
    expect(() => plan(['FROM x', 'COPY --from=1 /a /a', 'FROM x'])).toThrow('there is no stage 1 before line 2')
  })
})

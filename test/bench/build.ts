/** What is measured of builds: at the API, with Docker's classic lines. */

import { build } from '../support/build.ts'
import type { Engine } from '../support/engine.ts'
import type { Job } from './jobs.ts'

export const FILES = {
  file: 'content',
  Dockerfile: ['FROM busybox', 'RUN echo 1 >/1', 'RUN echo 2 >/2', 'COPY file /file', 'RUN echo 3 >/3'].join('\n'),
}
const STAGES = 10
const WORK = 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'

/** Each stage counts on its own; the last one takes something of every other, so that none is left out. */
const stages = [
  ...Array.from({ length: STAGES }, (_, n) => `FROM busybox AS s${n}\nRUN ${WORK}; echo ${n} >/made`),
  'FROM scratch',
  ...Array.from({ length: STAGES }, (_, n) => `COPY --from=s${n} /made /${n}`),
].join('\n')

async function succeed(engine: Engine, files: Record<string, string>, query = {}): Promise<void> {
  const { error, status } = await build(engine, files, { query: { networkmode: 'none', t: 'built', ...query } })
  if (status !== 200 || error !== '') throw new Error(`${engine.name}: ${status} ${error}`)
}

export const buildJobs = (): Job[] => [
  {
    name: 'build: FROM, 3 RUN, COPY, without cache',
    share: 0.5,
    run: engine => succeed(engine, FILES, { nocache: true }),
  },
  {
    name: 'build: the same, all cached',
    share: 1,
    prepare: engine => succeed(engine, FILES),
    run: engine => succeed(engine, FILES),
  },
  {
    name: `build: ${STAGES} stages that do not depend on each other`,
    share: 0.25,
    run: engine => succeed(engine, { Dockerfile: stages }, { nocache: true }),
  },
]

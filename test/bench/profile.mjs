/** Preloaded into a daemon (NODE_OPTIONS=--import): a CPU profile of its main thread, written when it ends. --cpu-prof is no such option. */

import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const folder = process.env.SKIFF_PROFILE
if (isMainThread && folder) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: 500 })
  session.post('Profiler.start')
  process.once('exit', () =>
    session.post('Profiler.stop', (_, { profile }) =>
      writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(profile)),
    ),
  )
}

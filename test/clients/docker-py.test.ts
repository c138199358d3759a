/** The Docker SDK for Python (docker-compose 1 and much else is built on it). What it checks is in docker-py.py. */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openCommand } from '../support/cli.ts'
import { importBusybox } from '../support/images.ts'
import { startSubject } from './subject.ts'

const SCRIPT = fileURLToPath(new URL('docker-py.py', import.meta.url))
const isInstalled = spawnSync('python3', ['-c', 'import docker']).status === 0

test.skipIf(!isInstalled)('everything that docker-py.py does holds', async () => {
  const engine = await startSubject()
  await importBusybox(engine)
  expect(await openCommand(['python3', SCRIPT, engine.socket]).result).toEqual({ code: 0, stdout: '', stderr: '' })
})

/** The job of docs/ci.md, as it stands there, in a privileged container: images, a build, Testcontainers, and away. */

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { run } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { fixture } from '../support/images.ts'
import { importOuter } from './inner.ts'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** The block of the document that is marked `sh job`. */
const job = (): string => {
  const [, script] = /^```sh job\n([\s\S]*?)^```$/m.exec(readFileSync(join(CHECKOUT, 'docs/ci.md'), 'utf8')) ?? []
  if (script === undefined) throw new Error('docs/ci.md has no job')
  return script
}

const PROJECT_TEST = `
import assert from 'node:assert/strict'
import { GenericContainer, Wait } from 'testcontainers'
const container = await new GenericContainer('app').withExposedPorts(80).withWaitStrategy(Wait.forHttp('/', 80)).start()
const answer = await fetch('http://' + container.getHost() + ':' + container.getMappedPort(80) + '/')
assert.equal(await answer.text(), 'built in CI\\n')
const { output } = await container.exec(['cat', '/index.html'])
assert.equal(output, 'built in CI\\n')
await container.stop()
console.log('the tests pass')
process.exit(0)
`

let engine: Daemon
let project: string

beforeAll(async () => {
  engine = await startDaemon()
  await importOuter(engine)
  project = await mkdtemp(join(tmpdir(), 'skiff-ci-'))
  disposeLater(() => rm(project, { recursive: true }))
  const files = {
    Dockerfile: 'FROM busybox\nRUN echo built in CI >/index.html\nEXPOSE 80\nCMD ["httpd", "-f", "-h", "/"]\n',
    '.dockerignore': '*\n',
    'package.json': '{ "type": "module", "scripts": { "test": "node test.mjs" } }',
    'test.mjs': PROJECT_TEST,
    'job.sh': job(),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text)
  await symlink(await fixture('busybox.tar'), join(project, 'busybox.tar'))
  await symlink(join(CHECKOUT, 'node_modules'), join(project, 'node_modules'))
})

test.each<[string, object]>([
  ['in memory', {}],
  ['on a volume', { Mounts: [{ Type: 'volume', Target: '/var/lib/skiff' }] }],
])(
  'the job of docs/ci.md, with the data-root %s',
  async (_where, host) => {
    const shared = ['/usr', CHECKOUT, dirname(await fixture('busybox.tar'))]
    if (!process.execPath.startsWith('/usr/')) shared.push(dirname(dirname(process.execPath)))
    const path = `${CHECKOUT}/bin:${dirname(process.execPath)}:/usr/local/bin:/usr/sbin:/usr/bin`
    const { stdout, stderr, exitCode } = await run(engine, {
      Image: 'outer',
      Cmd: ['sh', '-c', `ip link set lo up; cd ${project} && sh -eu job.sh`],
      Env: [`PATH=${path}`, 'HOME=/root'],
      HostConfig: {
        NetworkMode: 'none',
        Privileged: true,
        Binds: [...shared.map(folder => `${folder}:${folder}:ro`), `${project}:${project}`],
        ...host,
      },
    })
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining('the tests pass\n')])
    expect(stdout).toMatch(/overlay works on \/var\/lib\/skiff/)
    expect(stderr).not.toMatch(/[Ee]rror/)
  },
  180_000,
)

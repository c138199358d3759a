/**
 * The two commands of the README, as they stand there, on a machine that has nothing of the project: a privileged container with the
 * programs of this one, and a copy of the sources. First the container, then the tests, of which a few stand for all.
 */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { run } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { fixture } from '../support/images.ts'
import { importOuter } from './inner.ts'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** The block of the README that is marked `sh commands`. */
function commands(): string[] {
  const [, script = ''] =
    /^```sh commands\n([\s\S]*?)^```$/m.exec(readFileSync(join(CHECKOUT, 'README.md'), 'utf8')) ?? []
  return script.trim().split('\n')
}

let engine: Daemon
/** A clone of the sources: no dependency, nothing built. */
let clone: string

beforeAll(async () => {
  engine = await startDaemon()
  await importOuter(engine)
  const folder = await mkdtemp(join(tmpdir(), 'skiff-fresh-'))
  disposeLater(() => rm(folder, { recursive: true }))
  clone = join(folder, 'skiff')
  await mkdir(clone)
  const copy =
    'git -C "$1" ls-files -z -co --exclude-standard --deduplicate | tar -C "$1" --null --ignore-failed-read -T - -c | tar -x -C "$2"'
  await promisify(execFile)('sh', ['-c', copy, 'sh', CHECKOUT, clone])
})

test('first the container, then the tests', { timeout: 600_000 }, async () => {
  const [first = '', second = '', ...more] = commands()
  expect([first, second, more]).toEqual(['./bin/skiff run --rm -it host sh', 'npm test', []])
  const script = `
    ip link set lo up; cd ${clone}
    echo 'echo "$(hostname) $(id -un) $$"; exit 4' | script -qec '${first}' /dev/null && exit 9
    ${second} -- test/unit/docs
    code=$?
    kill "$(cat /run/skiff/skiffd.pid)" || exit 8
    while [ -e /run/skiff/skiffd.pid ]; do sleep 0.1; done
    exit $code`
  const node = dirname(dirname(process.execPath))
  const shared = [
    '/usr',
    '/etc/alternatives',
    '/etc/ld.so.cache',
    '/var/lib/dpkg',
    dirname(await fixture('busybox.tar')),
    ...(node === '/usr' ? [] : [node]),
  ]
  const { stdout, exitCode } = await run(engine, {
    Image: 'outer',
    Hostname: 'fresh',
    Tty: true,
    Cmd: ['sh', '-c', script],
    // There is no network here: Node's packages come out of npm's cache, which holds what this checkout was installed from.
    Env: [`PATH=${node}/bin:/usr/local/bin:/usr/sbin:/usr/bin`, 'HOME=/root', 'npm_config_offline=true'],
    HostConfig: {
      NetworkMode: 'none',
      Privileged: true,
      Binds: [
        ...shared.map(path => `${path}:${path}:ro`),
        `${clone}:${clone}`,
        `${process.env.npm_config_cache ?? join(homedir(), '.npm')}:/root/.npm`,
      ],
      Mounts: [{ Type: 'volume', Target: '/var/lib/skiff' }],
    },
  })
  const said = stdout.replaceAll('\r', '')
  expect([exitCode, said]).toEqual([0, expect.stringMatching(/^skiff: ready$/m)])
  // Another host name than the machine's, root, and the first of its processes.
  expect(said).toMatch(/[0-9a-f]{12} root 1$/m)
  expect(said).toMatch(/^\d+ passed, 0 failed, 0 skipped$/m)
})

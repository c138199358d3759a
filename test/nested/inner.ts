/** skiff in a container of an engine: the checkout, Node and the libraries are the machine's own, mounted read-only. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importImage } from '../support/images.ts'
import { archive, type TarEntry } from '../support/layer-room.ts'
import { RUN } from '../support/machine.ts'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const IMAGE = 'outer:latest'

const FOLDERS = ['dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'var/lib', 'var/tmp']
const ENTRIES: TarEntry[] = [
  ...FOLDERS.map(name => ({ name: `${name}/`, type: 'directory' as const })),
  ...['bin', 'sbin', 'lib', 'lib64'].map(name => ({ name, type: 'symlink' as const, linkname: `usr/${name}` })),
  { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
  { name: 'etc/group', content: 'root:x:0:\n' },
]

/** An image that has nothing but places for what the machine has. */
export async function importOuter(engine: Engine): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-outer-`))
  try {
    await writeFile(join(folder, 'outer.tar'), await archive(ENTRIES))
    await importImage(engine, join(folder, 'outer.tar'), IMAGE, ['CMD ["sh"]'])
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Starts a daemon and waits until it listens; `$log` is what it says. The image busybox is there. */
const PRELUDE = `
export PATH=${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root log=/run/log
${CHECKOUT}/bin/skiffd >$log 2>&1 &
daemon=$!
until [ -S /run/skiff/skiff.sock ]; do kill -0 $daemon || { cat $log; exit 9; }; sleep 0.1; done
skiff() { docker -H unix:///run/skiff/skiff.sock "$@"; }
skiff import "$BUSYBOX" busybox >/dev/null || { cat $log; exit 8; }
`
const EPILOGUE = `
skiff ps -aq | while read id; do skiff rm -f $id >/dev/null; done
kill $daemon; wait $daemon
`

/** Runs a script in a privileged container in which a daemon is at work: what it printed, by lines. `before`: what is done first. */
export async function inside(engine: Engine, script: string, host: object = {}, before = ''): Promise<string[]> {
  const busybox = await fixture('busybox.tar')
  const shared = ['/usr', CHECKOUT, dirname(busybox)]
  if (!process.execPath.startsWith('/usr/')) shared.push(dirname(dirname(process.execPath)))
  const { stdout, stderr, exitCode } = await run(engine, {
    Image: IMAGE,
    Cmd: ['sh', '-c', `${before}${PRELUDE}${script}${EPILOGUE}`],
    Env: [`BUSYBOX=${busybox}`],
    HostConfig: {
      NetworkMode: 'none',
      Privileged: true,
      ...host,
      Binds: [...shared.map(path => `${path}:${path}:ro`), ...((host as { Binds?: string[] }).Binds ?? [])],
    },
  })
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}:\n${stderr}${stdout}`)
  return stdout.split('\n').filter(Boolean)
}

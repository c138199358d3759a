/** skiff in a privileged container: of its own, and of the reference engine. */

import { beforeAll, describe, expect, test } from 'vitest'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { importOuter, inside } from './inner.ts'

/** On a kernel of its own there is nothing to compare with: the reference engine is the machine's. */
const inVm = process.env.SKIFF_VM !== undefined

const ENGINES: [name: string, start: () => Promise<Engine>][] = [
  ['skiff', startDaemon],
  ...(inVm
    ? []
    : [['docker', () => startReferenceEngine({ lenient: true })] satisfies [string, () => Promise<Engine>]]),
]

describe.each(ENGINES)('in a privileged container of %s', (_, start) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await start()
    await importOuter(engine)
  })

  const volume = { Mounts: [{ Type: 'volume', Target: '/var/lib/skiff' }] }

  test('containers run, with a data-root on a volume: by overlay, with limits that bite', async () => {
    const lines = await inside(
      engine,
      `skiff info -f '{{.Driver}}'
      skiff run --rm --network none busybox echo hello
      id=$(skiff run -d --network none -m 16m --pids-limit 20 busybox sleep 1000)
      skiff exec $id sh -c 'cat /proc/1/comm; hostname | wc -c'
      skiff exec $id sh -c 'i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i+1)); done' 2>&1 | grep -c -m1 "can't fork"
      skiff run --rm --network none -m 16m --memory-swap 16m busybox sh -c 'tail /dev/zero'; echo $?`,
      volume,
    )
    expect(lines).toEqual(['overlay2', 'hello', 'sleep', '13', '1', '137'])
  })

  test('containers have a bridge network, a published port, and names', async () => {
    const lines = await inside(
      engine,
      `ip link set lo up
      skiff run -d --name web -p 8080:80 busybox sh -c 'echo served >/index.html; httpd -f -p 80 -h /' >/dev/null
      until busybox wget -q -O - http://127.0.0.1:8080/ 2>/dev/null; do sleep 0.1; done
      skiff network create own >/dev/null
      skiff run -d --name there --network own busybox sh -c 'echo by name >/index.html; httpd -f -p 80 -h /' >/dev/null
      skiff run --rm --network own busybox sh -c 'until wget -q -O - http://there/ 2>/dev/null; do sleep 0.1; done'
      skiff rm -f there >/dev/null; skiff network rm own >/dev/null`,
      volume,
    )
    expect(lines).toEqual(['served', 'by name'])
  })

  test('a data-root in memory will do', async () => {
    const lines = await inside(
      engine,
      `skiff info -f '{{.Driver}}'; skiff run --rm --network none busybox echo hello`,
      { Tmpfs: { '/var/lib/skiff': '' } },
    )
    expect(lines).toEqual(['overlay2', 'hello'])
  })

  test('with a data-root on overlay it says so, and makes copies', async () => {
    const lines = await inside(
      engine,
      `skiff info -f '{{.Driver}}'
      grep -c 'storage driver vfs' $log
      skiff run --network none --name outlived busybox sh -c 'echo changed >/etc/passwd; rm /etc/group; mkdir /new'
      skiff diff outlived
      skiff commit outlived changed >/dev/null
      skiff run --rm --network none changed sh -c 'cat /etc/passwd; ls -d /new /etc/group 2>/dev/null'
      skiff cp outlived:/etc/passwd - | tar -xO`,
    )
    expect(lines).toEqual([
      'vfs',
      '1',
      'C /etc',
      'D /etc/group',
      'C /etc/passwd',
      'A /new',
      'changed',
      '/new',
      'changed',
    ])
  })

  test('where settings of the network cannot be written it starts without bridges, leaves none, and says so', async () => {
    const lines = await inside(
      engine,
      `skiff run --rm busybox ls /sys/class/net 2>&1
      ls /sys/class/net | grep -c skiff
      grep -c 'no bridge can be made' $log`,
      volume,
      'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys',
    )
    expect(lines).toEqual([expect.stringMatching(/^WARNING: The bridge network is not available here/), 'lo', '0', '1'])
  })

  test('so does a privileged container in it', async () => {
    const lines = await inside(
      engine,
      `skiff run --rm --privileged --network none busybox sh -c 'mount -t tmpfs none /tmp && echo mounted' 2>&1`,
      volume,
    )
    expect(lines).toEqual(['mounted'])
  })
})

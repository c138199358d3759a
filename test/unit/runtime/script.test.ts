/** `skiff explain --sh`: the script makes a container in which a process finds the same as in skiff's. */

import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { toScript } from '../../../src/program/script.ts'
import { planContainer } from '../../../src/runtime/runtime.ts'
import type { ContainerSpec, ProcessSpec } from '../../../src/runtime/spec.ts'
import { makeSandbox, runContainer, type Sandbox, write } from './sandbox.ts'

const run = promisify(execFile)

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

/**
 * What a process finds, but for what must differ: numbers of mounts and devices, times, seccomp, and whether the superblock of
 * sysfs is read-only too, which mount(8) makes so along with the mount.
 */
const PROBE = `
sed 's/^[0-9]* [0-9]* [0-9]*:[0-9]* //; s/upperdir=[^,]*//; s/workdir=[^,]*//; s/sysfs r[ow]$/sysfs/' /proc/self/mountinfo | sort
grep -E '^(Cap|NoNewPrivs|Groups|Uid|Gid|SigIgn|SigBlk)' /proc/self/status
hostname; id; umask; pwd; ulimit -n; echo pid $$
for d in /dev /; do stat -c '%n %F %a %u %g %t:%T' $d/*; done
for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done
cat /proc/sys/net/ipv4/ip_forward; cat /proc/self/oom_score_adj
ls /sys/class/net; ls -A /proc/acpi /sys/firmware
(echo x >/proc/sysrq-trigger) 2>&1; (touch /made /ro/x) 2>&1
env
`

async function both(
  change: Partial<ContainerSpec>,
  process: Partial<ProcessSpec>,
): Promise<{ skiff: string; script: string }> {
  const spec = sandbox.spec(() => ({ ...change, process: sandbox.process({ argv: ['sh', '-c', PROBE], ...process }) }))
  const skiff = (await runContainer(sandbox, spec)).output
  const path = (name: string): string => join(sandbox.folder, name)
  await mkdir(path('upper2'), { recursive: true })
  await mkdir(path('work2'), { recursive: true })
  const again = { ...spec, root: { ...spec.root, upper: path('upper2'), work: path('work2') } as typeof spec.root }
  const compiled = await planContainer(again, 'null')
  const script = toScript({ name: 'box', setUp: [], rootMountPoint: path('rootfs2'), ...compiled })
  await write(path('box.sh'), script)
  const { stdout, stderr } = await run('sh', [path('box.sh')])
  expect(stderr).toBe('')
  return { skiff, script: stdout }
}

it('of a container with much of everything', async () => {
  await mkdir(join(sandbox.folder, "it's data"))
  const { skiff, script } = await both(
    {
      mounts: [
        {
          kind: 'bind',
          source: join(sandbox.folder, "it's data"),
          target: '/ro',
          readonly: true,
          recursive: true,
          propagation: 'rprivate',
        },
        {
          kind: 'bind',
          source: '/etc/hostname',
          target: '/opt/name',
          readonly: false,
          recursive: false,
          propagation: 'rslave',
        },
        { kind: 'tmpfs', target: '/scratch', options: ['nosuid', 'size=64k', 'mode=1777'] },
      ],
      sysctls: { 'net.ipv4.ip_forward': '1' },
      devices: [{ path: '/dev/net/tun', type: 'c', major: 10, minor: 200, mode: 0o660, uid: 0, gid: 5 }],
    },
    {
      cwd: '/some/where',
      env: ['PATH=/usr/bin:/bin', "QUOTED=it's; $HOME"],
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128, required: true }],
    },
  )
  expect(script).toBe(skiff)
})

it('of a user in a read-only root', async () => {
  const { skiff, script } = await both(
    { rootReadonly: true },
    { uid: 1000, gid: 100, groups: [100, 27], noNewPrivileges: true, oomScoreAdj: 100 },
  )
  expect(script).toBe(skiff)
})

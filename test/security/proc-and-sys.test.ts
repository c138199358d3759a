/**
 * Files of /proc that act on the machine: sysrq-trigger (halts, reboots, kills), core_pattern (names a program that the kernel runs on
 * the host when a process dumps core), and those that tell of it. Nothing is written here: to open them for writing is enough.
 */

import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../support/engine.ts'
import { attackLines, startVictim } from './attack.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startVictim()
})

const PATHS = [
  '/proc/sysrq-trigger',
  '/proc/sys/kernel/core_pattern',
  '/proc/sys/kernel/modprobe',
  '/proc/sys/kernel/hotplug',
  '/proc/sys/vm/panic_on_oom',
  '/proc/sys/fs/binfmt_misc/register',
  '/proc/irq/default_smp_affinity',
  '/sys/kernel/uevent_helper',
  '/sys/kernel/mm/ksm/run',
  '/sys/power/state',
]
const script = PATHS.map(path => `/attack/try open ${path} w`).join('; ')

describe('files that act on the machine', () => {
  test('cannot be opened for writing', async () => {
    for (const outcome of await attackLines(engine, script)) expect(['EROFS', 'ENOENT', 'EACCES']).toContain(outcome)
  })

  test('nor with every capability', async () => {
    const outcomes = await attackLines(engine, script, { CapAdd: ['ALL'] })
    for (const outcome of outcomes) expect(['EROFS', 'ENOENT', 'EACCES']).toContain(outcome)
  })

  test('but --privileged gives them to the container', async () => {
    const outcomes = await attackLines(engine, script, { Privileged: true })
    // Not every kernel has the first.
    expect(outcomes[1]).toBe('ok')
  })
})

describe('files that tell of the machine', () => {
  const covered =
    'for f in /proc/kcore /proc/keys /proc/timer_list /proc/latency_stats; do [ ! -e $f ] || wc -c <$f; done; ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v : | wc -w'

  test('read as empty', async () => {
    for (const line of await attackLines(engine, covered, { CapAdd: ['ALL'] })) expect(line).toBe('0')
  })

  test('but not with systempaths=unconfined', async () => {
    const lines = await attackLines(engine, 'wc -c </proc/keys; ls /sys/firmware | wc -w', {
      SecurityOpt: ['systempaths=unconfined'],
      MaskedPaths: [],
    })
    expect(lines.some(line => line !== '0')).toBe(true)
  })
})

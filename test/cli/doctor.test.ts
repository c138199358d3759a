/** skiff doctor: truthful on this host, and where something is amiss; what it advises mends it. */

import { beforeAll, describe, expect, test } from 'vitest'
import { openCommand } from '../support/cli.ts'
import { SKIFF } from '../support/programs.ts'

interface Finding {
  subject: string
  verdict: string
  found: string
  consequence: string
  remedy: string
}

/** Runs sh with `$1` standing for skiff, in namespaces of its own. */
const inNamespaces = (script: string, flags = '-n') =>
  openCommand(['unshare', ...flags.split(' '), '/bin/sh', '-ec', script, 'sh', SKIFF]).result

const examine = async (script: string, flags?: string): Promise<{ code: number; findings: Finding[] }> => {
  const { code, stdout, stderr } = await inNamespaces(script, flags)
  expect(stderr).toBe('')
  return { code, findings: JSON.parse(stdout) }
}
const about = (findings: readonly Finding[], subject: string) => findings.filter(finding => finding.subject === subject)

describe('this host', () => {
  let findings: Finding[]
  beforeAll(async () => {
    const { code, stdout } = await openCommand([SKIFF, 'doctor', '--format', 'json']).result
    findings = JSON.parse(stdout)
    expect(code).toBe(0)
  })

  test.each(['kernel', 'namespaces', 'seccomp', 'privileges', 'cgroups', 'controllers', 'storage', 'space'])(
    'has %s',
    subject => {
      expect(about(findings, subject).length).toBeGreaterThan(0)
    },
  )

  test('every trouble says what follows and what to do', () => {
    for (const { verdict, found, consequence, remedy } of findings) {
      expect(found).not.toBe('')
      expect([consequence === '', remedy === '']).toEqual([verdict === 'ok', verdict === 'ok'])
    }
  })

  test('as a table, with a conclusion', async () => {
    const { stdout } = await openCommand([SKIFF, 'doctor']).result
    for (const { found } of findings) expect(stdout).toContain(found)
    expect(stdout).toMatch(/\n\nskiff works here(, with \d+ limits?)?\.\n$/)
  })
})

test('a firewall that drops what is forwarded is named, and the remedy mends it', async () => {
  const drop = `nft 'add table inet wall; add chain inet wall forward { type filter hook forward priority 0; policy drop; }'`
  const { code, findings } = await examine(`${drop}; "$1" doctor --format json || exit $?`)
  expect(code).toBe(1)
  const [, named] = about(findings, 'firewall')
  expect(named).toMatchObject({ verdict: 'problem', found: expect.stringContaining('inet wall forward') })
  const mended = await examine(`${drop}; ${named?.remedy}; "$1" doctor --format json`)
  expect(about(mended.findings, 'firewall')[1]).toMatchObject({ verdict: 'ok' })
})

test('forwarding that is off is named', async () => {
  const { findings } = await examine('echo 0 >/proc/sys/net/ipv4/ip_forward; "$1" doctor --format json')
  expect(about(findings, 'forwarding')).toMatchObject([{ verdict: 'warning' }])
})

test('a data-root on an overlay is named', async () => {
  const script = `mount -t tmpfs none /mnt; mkdir /mnt/l /mnt/u /mnt/w /mnt/m
    mount -t overlay -o lowerdir=/mnt/l,upperdir=/mnt/u,workdir=/mnt/w,redirect_dir=off none /mnt/m
    mkdir /mnt/n /mnt/m/u2 /mnt/m/w2
    "$1" doctor --data-root /mnt/m --format json`
  const { findings } = await examine(script, '-m')
  expect(about(findings, 'storage')[0]?.found).toMatch(/overlay (works|does not work) on \/mnt\/m \(overlayfs\)/)
})

test('a data-root that cannot be written to, and cgroups that are read-only', async () => {
  const script = `mount -t tmpfs none /mnt; mount -o remount,ro /mnt
    umount -l -R /sys/fs/cgroup
    "$1" doctor --data-root /mnt --format json || exit $?`
  const { code, findings } = await examine(script, '-m')
  expect(code).toBe(1)
  expect(about(findings, 'storage')).toMatchObject([{ verdict: 'problem', found: expect.stringContaining('EROFS') }])
  expect(about(findings, 'cgroups')).toMatchObject([{ verdict: 'problem' }])
})

test('capabilities that are missing are named with what they cost', async () => {
  const { stdout } = await openCommand([
    ...['setpriv', '--bounding-set=-net_admin,-mknod', '--inh-caps=-all'],
    ...[SKIFF, 'doctor', '--format', 'json'],
  ]).result
  const found = about(JSON.parse(stdout), 'privileges').map(finding => [finding.verdict, finding.found])
  expect(found).toContainEqual(['problem', 'CAP_NET_ADMIN is missing'])
  expect(found).toContainEqual(['warning', 'CAP_MKNOD is missing'])
})

test('who is not root is told that not everything can be seen', async () => {
  const { code, stdout } = await openCommand(['setpriv', '--reuid=65534', '--clear-groups', SKIFF, 'doctor']).result
  expect(code).toBe(1)
  expect(stdout).toContain('user 65534')
})

test('settings of the network that are read-only are named, and the remedy mends it', async () => {
  const readOnly = 'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys'
  const named = await examine(`${readOnly}; "$1" doctor --format json || exit $?`, '-mn')
  expect(named.code).toBe(1)
  expect(about(named.findings, 'settings')).toMatchObject([
    { verdict: 'problem', found: expect.stringContaining('EROFS') },
  ])
  const [remedy] = about(named.findings, 'settings')[0]?.remedy.split(';') ?? []
  const mended = await examine(`${readOnly}; ${remedy}; "$1" doctor --format json`, '-mn')
  expect(about(mended.findings, 'settings')).toEqual([])
})

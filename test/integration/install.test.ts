/**
 * bin/install-system and bin/uninstall-system, where they may do what they like: in a mount namespace in which /usr/local, /etc, /var/lib
 * and /run are copies on write.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CliResult, openCommand } from '../support/cli.ts'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-install-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What a script of sh prints there, `$1` being the checkout. */
function onOwnMachine(script: string): Promise<CliResult> {
  const prepared = `
    mount -t tmpfs none ${folder}
    for name in usr/local etc var/lib; do
      mkdir -p ${folder}/$name/upper ${folder}/$name/work
      mount -t overlay none -o lowerdir=/$name,upperdir=${folder}/$name/upper,workdir=${folder}/$name/work /$name
    done
    mount -t tmpfs none /run; mount -t tmpfs none /var/log
    ${script}`
  return openCommand([
    'unshare',
    '-mnp',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'sh',
    '-euc',
    prepared,
    'sh',
    CHECKOUT,
  ]).result
}

const DAEMON_ENDS = 'kill $(cat /run/skiff/skiffd.pid); while [ -e /run/skiff/skiffd.pid ]; do sleep 0.1; done'

describe('what is installed', () => {
  let result: CliResult
  beforeAll(async () => {
    result = await onOwnMachine(`
      ln -s "$(command -v node)" /usr/local/bin/node 2>/dev/null || true
      "$1/bin/install-system" 2>/dev/null
      # Without the checkout: what runs is what was installed.
      mkdir /run/empty; mount --bind /run/empty "$1"; cd /
      PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
      skiff run --rm host echo from a container 2>/dev/null
      skiff run --rm host echo and by the launcher
      readlink /usr/local/bin/skiff
      getent group skiff | cut -d: -f1
      stat -c '%a %U:%G' /run/skiff/skiff.sock
      bash -n /usr/local/share/bash-completion/completions/skiff && echo completion is there
      groff -man -Tutf8 -P-cbou /usr/local/share/man/man1/skiff-run.1 | grep -c SYNOPSIS
      skiffd --validate
      ${DAEMON_ENDS}
      umount "$1"
      "$1/bin/uninstall-system" 2>&1
      find /usr/local /etc -name '*skiff*' | sort
      "$1/bin/install-system" --no-start 2>&1 | tail -n 0
      "$1/bin/uninstall-system" --purge 2>&1
      find /usr/local /etc /var/lib -name '*skiff*' | sort
      getent group skiff || echo no group`)
  })

  test('works without the checkout, and goes without a trace', () => {
    expect(result.stderr).toBe('')
    expect(result.stdout.split('\n')).toEqual([
      'from a container',
      'and by the launcher',
      '../lib/skiff/build/skiff',
      'skiff',
      '660 root:skiff',
      'completion is there',
      '1',
      'configuration OK',
      'skiff: removed from /usr/local',
      '/etc/skiff',
      'skiff: removed from /usr/local',
      'no group',
      '',
    ])
    expect(result.code).toBe(0)
  })
})

test('--destdir makes the files of a package and touches nothing else', async () => {
  const { stdout, code } = await onOwnMachine(`
    "$1/bin/install-system" --prefix /usr --destdir ${folder}/package 2>/dev/null
    cd ${folder}/package; find . -name '*.service' -o -name '*.socket' -o -name daemon.json -o -type l -path './usr/bin/*' | sort
    grep ExecStart= usr/lib/systemd/system/skiffd.service
    getent group skiff || echo no group`)
  expect([code, stdout.split('\n')]).toEqual([
    0,
    [
      './etc/skiff/daemon.json',
      './usr/bin/skiff',
      './usr/bin/skiffd',
      './usr/lib/systemd/system/skiffd.service',
      './usr/lib/systemd/system/skiffd.socket',
      'ExecStart=/usr/bin/skiffd',
      'no group',
      '',
    ],
  ])
})

test.each([
  ['install-system --frob', 'unknown option --frob'],
  ['install-system --prefix', '--prefix needs a folder'],
  ['install-system --prefix usr', 'it must be an absolute path'],
  ['uninstall-system --prefix /nowhere', 'nothing is installed below /nowhere'],
])('%s is refused', async (words, message) => {
  const { code, stderr } = await openCommand(['sh', '-c', `"$1/bin/"${words}`, 'sh', CHECKOUT]).result
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
})

test('the units are what systemd accepts', async () => {
  const service = await readFile(join(CHECKOUT, 'bin/system/skiffd.service'), 'utf8')
  for (const line of ['Type=notify', 'KillMode=process', 'Delegate=yes']) expect(service).toContain(`\n${line}\n`)
  const { stdout, stderr } = await openCommand([
    'sh',
    '-ec',
    `sed 's#@PREFIX@/bin/skiffd#/bin/true#' "$1/bin/system/skiffd.service" >"$2/skiffd.service"
     cp "$1/bin/system/skiffd.socket" "$2/"
     systemd-analyze verify --man=no "$2/skiffd.service" "$2/skiffd.socket" || true`,
    'sh',
    CHECKOUT,
    folder,
  ]).result
  expect((stdout + stderr).split('\n').filter(line => line.includes('skiffd'))).toEqual([])
})

test('bin/system/provision, which Vagrant runs, makes a machine that has skiff', { timeout: 600_000 }, async () => {
  const { stdout, stderr, code } = await onOwnMachine(`
    # Its packages are the machine's own already; the mirror need not be asked for its lists.
    mkdir /run/bin; printf '#!/bin/sh\\n[ "$2" = update ] || exec /usr/bin/apt-get "$@"\\n' >/run/bin/apt-get; chmod +x /run/bin/apt-get
    export PATH=/run/bin:$PATH
    # There is no network here: Node's packages come out of npm's cache, which holds what this checkout was installed from.
    export npm_config_offline=true
    cp "$1/bin/system/provision" /run/provision
    sh /run/provision "$1" 2>/run/said || { tail -n 20 /run/said >&2; exit 1; }
    cd /; /usr/local/bin/skiff run --rm host echo a second one
    ${DAEMON_ENDS}`)
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^kernel +ok/m)
  expect(stdout).toContain('skiff works on this machine.\na second one\n')
  expect(code).toBe(0)
})

test('the Vagrantfile is one that vagrant accepts', async () => {
  const { code, stdout } = await openCommand(['vagrant', 'validate', '--ignore-provider'], {
    cwd: CHECKOUT,
    env: { VAGRANT_HOME: join(folder, 'vagrant'), VAGRANT_DOTFILE_PATH: join(folder, 'dotfile'), HOME: folder },
  }).result
  expect([code, stdout]).toEqual([0, expect.stringContaining('validated successfully')])
})

test('the scripts are ones that shellcheck has nothing to say of', async () => {
  const scripts = ['skiff', 'skiffd', 'setup', 'install-system', 'uninstall-system', 'system/provision']
  const { code, stdout } = await openCommand(
    // -nt is not in POSIX, but in every sh that there is.
    ['shellcheck', '-S', 'warning', '-e', 'SC3013', ...scripts.map(name => `${CHECKOUT}/bin/${name}`)],
  ).result
  expect([code, stdout]).toEqual([0, ''])
})

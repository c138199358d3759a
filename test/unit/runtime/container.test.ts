/** Containers started for real, from specification to exit status; what the process finds is what was specified. */

import { mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILD_DIR } from '../../../src/kernel/native.ts'
import { capabilitySets, chooseCapabilities } from '../../../src/runtime/capabilities.ts'
import { startContainer } from '../../../src/runtime/runtime.ts'
import type { MountSpec } from '../../../src/runtime/spec.ts'
import { MASKED, makeSandbox, runContainer, type Sandbox, shell, write } from './sandbox.ts'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const bind = (source: string, target: string, rest: Partial<MountSpec & { kind: 'bind' }> = {}): MountSpec => ({
  kind: 'bind',
  source,
  target,
  readonly: false,
  recursive: true,
  propagation: 'rprivate',
  ...rest,
})

describe('a container', () => {
  it('runs its command, and its exit status is kept', async () => {
    const spec = sandbox.spec(() => ({ process: sandbox.process({ argv: ['sh', '-c', 'echo hi; exit 7'] }) }))
    const { output, exit } = await runContainer(sandbox, spec)
    expect(output).toBe('hi\n')
    expect(exit.exitCode).toBe(7)
  })

  it('is PID 1 with no descriptors but its streams, its own name and nothing of the host in its mounts', async () => {
    const output = await shell(sandbox, 'echo $$ $(hostname); ls /proc/$$/fd; cut -d" " -f5 /proc/self/mountinfo')
    expect(output.split('\n')).toEqual([
      '1 box',
      ...['0', '1', '2'],
      ...['/', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue', '/proc', '/sys'],
      ...['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/acpi', '/proc/keys', '/proc/timer_list'],
      '/sys/firmware',
    ])
  })

  it('has signals, capabilities, seccomp and umask as Docker sets them', async () => {
    const output = await shell(sandbox, 'grep -E "^(Sig(Blk|Ign)|Cap|NoNew|Seccomp:|Groups)" /proc/self/status; umask')
    expect(Object.fromEntries(output.split('\n').map(line => line.split(/:\s*/)))).toEqual({
      Groups: '0 ',
      SigBlk: '0000000000000000',
      SigIgn: '0000000000000000',
      CapInh: '0000000000000000',
      CapPrm: '00000000a80425fb',
      CapEff: '00000000a80425fb',
      CapBnd: '00000000a80425fb',
      CapAmb: '0000000000000000',
      NoNewPrivs: '0',
      Seccomp: '2',
      '0022': undefined,
    })
  })

  it('writes to its upper folder alone', async () => {
    await shell(sandbox, 'echo new >/written; rm /etc/shadow')
    expect(await readFile(join(sandbox.upper, 'written'), 'utf8')).toBe('new\n')
    expect(await readdir(sandbox.layer)).not.toContain('written')
    expect(await readdir(join(sandbox.layer, 'etc'))).toContain('shadow')
  })

  it('has a loopback that is up, alone, in a network of its own', async () => {
    expect(await shell(sandbox, 'ls /sys/class/net; ping -c1 -W1 127.0.0.1 >/dev/null && echo up')).toBe('lo\nup')
  })

  it('cannot write where /proc and /sys are the machine’s', async () => {
    const command =
      'for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/kernel/uevent_helper; do echo x >$f; done 2>&1'
    const output = await shell(sandbox, command)
    expect(output.split('\n').filter(line => !/Read-only|nonexistent|denied/.test(line))).toEqual([])
  })

  it('reads nothing from masked files and sees nothing in masked folders', async () => {
    const paths = MASKED.join(' ')
    expect(
      await shell(
        sandbox,
        `for p in ${paths}; do [ -d $p ] && ls -A $p; [ -f $p ] && cat $p; done; wc -c </proc/timer_list`,
      ),
    ).toBe('0')
  })
})

describe('a terminal', () => {
  it('is the standard streams, the controlling terminal and /dev/console', async () => {
    const command =
      'tty; stty size; for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done | uniq; echo to console >/dev/console; echo to tty >/dev/tty'
    const process = { terminal: true, consoleSize: { rows: 33, columns: 99 } }
    expect(await shell(sandbox, command, {}, process)).toBe('/dev/pts/0\n33 99\n/dev/pts/0\nto console\nto tty')
  })

  it('belongs to the user', async () => {
    const output = await shell(
      sandbox,
      'stat -c "%u %g %a" /dev/pts/0 && echo x >/dev/pts/0',
      {},
      { terminal: true, uid: 1000, gid: 1000 },
    )
    expect(output).toBe('1000 5 620\nx')
  })
})

describe('a user', () => {
  it('has the ids and groups given, no capabilities, and may open its streams again', async () => {
    const command = 'id -u; id -g; id -G; grep -E "Cap(Prm|Eff|Bnd)" /proc/self/status; echo again >/dev/stdout'
    const output = await shell(sandbox, command, {}, { uid: 1000, gid: 100, groups: [100, 27] })
    expect(output).toBe(
      '1000\n100\n100 27\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nagain',
    )
  })

  it('with no-new-privileges gains nothing', async () => {
    const output = await shell(
      sandbox,
      'grep -E "NoNewPrivs|Seccomp:" /proc/self/status',
      {},
      { uid: 1000, noNewPrivileges: true },
    )
    expect(output).toBe('NoNewPrivs:\t1\nSeccomp:\t2')
  })

  it('does not own the /dev/null of the host when that is its stdin', async () => {
    await shell(sandbox, 'true', {}, { uid: 1000 })
    expect(await stat('/dev/null')).toMatchObject({ uid: 0 })
  })
})

describe('the working folder', () => {
  it('is made when it is missing', async () => {
    expect(await shell(sandbox, 'pwd; stat -c %a .', {}, { cwd: '/made/for/this' })).toBe('/made/for/this\n755')
  })

  it('may be one that only root can enter', async () => {
    expect(await shell(sandbox, 'pwd', {}, { cwd: '/root', uid: 1000 })).toBe('/root')
  })

  it('cannot be a magic link (CVE-2024-21626)', async () => {
    const spec = sandbox.spec(() => ({ process: sandbox.process({ cwd: '/proc/self/fd/7' }) }))
    await expect(runContainer(sandbox, spec)).rejects.toThrow(/chdir to cwd|ENOENT|ELOOP/)
  })
})

describe('mounts', () => {
  it('bind folders and files, made where they are missing', async () => {
    await mkdir(join(sandbox.folder, 'data'))
    await write(join(sandbox.folder, 'data/file'), 'content\n')
    const mounts = [
      bind(join(sandbox.folder, 'data'), '/new/data'),
      bind(join(sandbox.folder, 'data/file'), '/etc/over/file', { readonly: true }),
    ]
    const output = await shell(
      sandbox,
      'cat /new/data/file /etc/over/file; echo x >/new/data/out; echo x >>/etc/over/file',
      { mounts },
    )
    expect(output).toBe("content\ncontent\nsh: can't create /etc/over/file: Read-only file system")
    expect(await readFile(join(sandbox.folder, 'data/out'), 'utf8')).toBe('x\n')
  })

  it('follow symlinks of the image, inside', async () => {
    await mkdir(join(sandbox.layer, 'run'), { recursive: true })
    await symlink('/run', join(sandbox.layer, 'var/run'))
    await symlink('../../../../../../run', join(sandbox.layer, 'var/climb'))
    const mounts = [bind('/etc/hostname', '/var/run/name'), bind('/etc/hostname', '/var/climb/name2')]
    expect(await shell(sandbox, 'cat /run/name /run/name2', { mounts })).toBe(`${hostname()}\n${hostname()}`)
  })

  it('are not led out by magic links', async () => {
    await symlink('/host/1/root/tmp', join(sandbox.layer, 'trap'))
    const mounts = [bind('/proc', '/host'), bind('/etc', '/trap/skiff-trapped')]
    const spec = sandbox.spec(() => ({ mounts, namespaces: { ...sandbox.spec().namespaces, pid: { kind: 'host' } } }))
    await expect(runContainer(sandbox, spec)).rejects.toThrow(
      /error mounting "\/etc" to rootfs at "\/trap\/skiff-trapped"/,
    )
  })

  it('cannot come upon /proc', async () => {
    const onProc = sandbox.spec(() => ({ mounts: [bind('/tmp', '/proc')] }))
    await expect(runContainer(sandbox, onProc)).rejects.toThrow('cannot be mounted because it is not of type proc')
    const inProc = sandbox.spec(() => ({ mounts: [bind('/tmp', '/proc/sys')] }))
    await expect(runContainer(sandbox, inProc)).rejects.toThrow('cannot be mounted because it is inside /proc')
  })

  it('through a symlink into /proc end below it', async () => {
    await symlink('/proc', join(sandbox.layer, 'to-proc'))
    expect(await shell(sandbox, 'test -e /proc/self/status && echo proc', { mounts: [bind('/etc', '/to-proc')] })).toBe(
      'proc',
    )
  })

  it('make the read-only recursive', async () => {
    const command = 'grep -E " /h(/| )" /proc/self/mountinfo | cut -d" " -f6 | grep -vc ^ro'
    expect(await shell(sandbox, command, { mounts: [bind('/sys', '/h', { readonly: true })] })).toBe('0')
  })

  it('of tmpfs have their options', async () => {
    const mounts: MountSpec[] = [
      { kind: 'tmpfs', target: '/run/t', options: ['noexec', 'nosuid', 'nodev', 'size=64k', 'mode=1770', 'uid=7'] },
    ]
    const output = await shell(
      sandbox,
      'grep " /run/t " /proc/self/mountinfo | cut -d" " -f6,9-; stat -c "%u %a" /run/t',
      { mounts },
    )
    expect(output).toBe('rw,nosuid,nodev,noexec,relatime tmpfs rw,size=64k,mode=1770,uid=7\n7 1770')
  })

  it('fail in Docker’s words when a folder meets a file', async () => {
    const words = 'Are you trying to mount a directory onto a file (or vice-versa)?'
    const folderOnFile = sandbox.spec(() => ({ mounts: [bind('/etc', '/etc/passwd')] }))
    await expect(runContainer(sandbox, folderOnFile)).rejects.toThrow(words)
    const fileOnFolder = sandbox.spec(() => ({ mounts: [bind('/etc/passwd', '/bin')] }))
    await expect(runContainer(sandbox, fileOnFolder)).rejects.toThrow(words)
  })

  it('on /dev replace it', async () => {
    const output = await shell(
      sandbox,
      'ls /dev/vda; echo >/dev/null; tty',
      { mounts: [bind('/dev', '/dev')] },
      { terminal: true },
    )
    expect(output).toMatch(/^\/dev\/vda\n\/dev\/pts\/\d+$/)
  })
})

describe('a read-only root', () => {
  it('can be written only where something is mounted', async () => {
    const mounts: MountSpec[] = [{ kind: 'tmpfs', target: '/tmp', options: [] }]
    const output = await shell(sandbox, 'touch /x; touch /tmp/x /dev/shm/x && echo ok', { rootReadonly: true, mounts })
    expect(output).toBe('touch: /x: Read-only file system\nok')
  })
})

describe('devices', () => {
  it('are the standard ones and those asked for', async () => {
    const devices = [
      { path: '/dev/fuse', type: 'c' as const, major: 10, minor: 229, mode: 0o660, uid: 1, gid: 2 },
      { path: '/dev/net/tun', type: 'c' as const, major: 10, minor: 200, mode: 0o666, uid: 0, gid: 0 },
      { path: '/opt/disk', type: 'b' as const, major: 254, minor: 0, mode: 0o600, uid: 0, gid: 0 },
    ]
    const output = await shell(sandbox, 'stat -c "%n %t:%T %a %u %g" /dev/null /dev/fuse /dev/net/tun /opt/disk', {
      devices,
    })
    expect(output.split('\n')).toEqual([
      '/dev/null 1:3 666 0 0',
      '/dev/fuse a:e5 660 1 2',
      '/dev/net/tun a:c8 666 0 0',
      '/opt/disk fe:0 600 0 0',
    ])
  })

  it('are all of the host’s for a privileged container', async () => {
    const everything = capabilitySets(chooseCapabilities({ add: [], drop: [], privileged: true }))
    const change = { privileged: true, hostDevices: true, seccomp: null, maskedPaths: [], readonlyPaths: [] }
    const output = await shell(
      sandbox,
      'test -b /dev/vda && echo disk; touch /proc/sys/vm/swappiness && echo w; grep -c Seccomp:.*0 /proc/self/status',
      change,
      {
        capabilities: everything,
      },
    )
    expect(output).toBe('disk\nw\n1')
  })
})

describe('namespaces', () => {
  it('of the host show the host', async () => {
    const host = { kind: 'host' } as const
    const change = { namespaces: { pid: host, network: host, ipc: host, uts: host, cgroup: host } }
    const output = await shell(
      sandbox,
      'hostname; cd /proc/1/ns 2>/dev/null; for n in pid net ipc uts cgroup mnt; do readlink /proc/self/ns/$n; done',
      change,
    )
    const { readlink } = await import('node:fs/promises')
    const own = await Promise.all(
      ['pid', 'net', 'ipc', 'uts', 'cgroup', 'mnt'].map(name => readlink(`/proc/self/ns/${name}`)),
    )
    const [name, ...inside] = output.split('\n')
    expect(name).toBe(hostname())
    expect(inside.slice(0, 5)).toEqual(own.slice(0, 5))
    expect(inside[5]).not.toBe(own[5])
  })
})

describe('init', () => {
  it('is PID 1, and ends as the command ends', async () => {
    const spec = sandbox.spec(() => ({
      initPath: `${BUILD_DIR}skiff-init`,
      process: sandbox.process({ argv: ['sh', '-c', 'tr "\\0" " " </proc/1/cmdline; echo; exit 5'] }),
    }))
    const { output, exit } = await runContainer(sandbox, spec)
    expect(output).toMatch(/^\/sbin\/docker-init -- sh -c .*\n$/)
    expect(exit.exitCode).toBe(5)
  })
})

describe('shared memory', () => {
  it('of size 0 is none', async () => {
    expect(await shell(sandbox, 'ls -d /dev/shm', { shmBytes: 0 })).toContain('No such file')
  })
})

describe('sysctls', () => {
  it('are set in the container’s namespaces', async () => {
    const sysctls = { 'net.ipv4.ip_forward': '1', 'kernel.shmmax': '12345' }
    expect(await shell(sandbox, 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax', { sysctls })).toBe(
      '1\n12345',
    )
  })

  it('that do not exist fail', async () => {
    const spec = sandbox.spec(() => ({ sysctls: { 'net.foo.bar': '1' } }))
    await expect(runContainer(sandbox, spec)).rejects.toThrow('open /proc/sys/net/foo/bar: no such file or directory')
  })
})

describe('limits', () => {
  it('are set, soft and hard', async () => {
    const rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200, required: true }]
    expect(await shell(sandbox, 'ulimit -Sn; ulimit -Hn', {}, { rlimits })).toBe('100\n200')
  })
})

describe('a command that cannot be executed', () => {
  const attempt = (argv: string[], change = {}) =>
    runContainer(
      sandbox,
      sandbox.spec(() => ({ process: sandbox.process({ argv, ...change }) })),
    ).then(
      () => null,
      error => ({ message: error.message, exitCode: error.exitCode }),
    )

  it('is worded as Docker’s clients expect', async () => {
    await write(join(sandbox.layer, 'no-interpreter'), '#!/nowhere\n')
    await write(join(sandbox.layer, 'garbage'), 'garbage')
    await (await import('node:fs/promises')).chmod(join(sandbox.layer, 'garbage'), 0o755)
    expect(await attempt(['nope'])).toEqual({
      message: 'unable to start container process: exec: "nope": executable file not found in $PATH',
      exitCode: 127,
    })
    expect(await attempt(['/nope'])).toEqual({
      message: 'unable to start container process: exec: "/nope": stat /nope: no such file or directory',
      exitCode: 127,
    })
    expect(await attempt(['/etc/passwd'])).toEqual({
      message: 'unable to start container process: exec: "/etc/passwd": permission denied',
      exitCode: 126,
    })
    expect(await attempt(['/etc'])).toMatchObject({ exitCode: 126 })
    expect(await attempt(['/garbage'])).toEqual({
      message: 'unable to start container process: exec: "/garbage": exec format error',
      exitCode: 126,
    })
  })

  it('leaves nothing of the start behind', async () => {
    await attempt(['nope'])
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(sandbox.folder)
  })

  it('names the step when the set-up fails', async () => {
    const spec = sandbox.spec(plain => ({
      root: { ...plain.root, kind: 'overlay', lower: ['missing'] } as typeof plain.root,
    }))
    const io = { runDir: join(sandbox.folder, 'run'), stdin: 'null' as const, log: null, attach: [] }
    await expect(startContainer(spec, io)).rejects.toMatchObject({
      message: expect.stringMatching(/mount\("overlay".*lowerdir=missing.*: ENOENT \(step \d+: one tree of a layer/),
      exitCode: 128,
    })
  })
})

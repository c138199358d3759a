/** Docker's own command line, version 28, on our socket. Network: none, so that both engines need nothing of the host's. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { type CliOptions, cli, cliOk, open } from '../support/cli.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importBusybox } from '../support/images.ts'
import { isReference, startSubject } from './subject.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startSubject()
  await importBusybox(engine)
})

const docker = (...args: string[]) => cliOk(engine, args)
const fails = (...args: string[]) => cli(engine, args)
const NONE = ['--network', 'none']
const run = (args: string[], options: CliOptions = {}) => cli(engine, ['run', '--rm', ...NONE, ...args], options)

/** A container that runs until the test ends. */
async function running(...args: string[]): Promise<string> {
  const id = await docker('run', '-d', ...NONE, ...args)
  disposeLater(async () => void (await cli(engine, ['rm', '-f', '-v', id])))
  return id
}

const sleeper = (...options: string[]) => running(...options, 'busybox', 'sleep', '1000')

describe('run', () => {
  test('keeps the two outputs apart and passes the exit code on', async () => {
    expect(await run(['busybox', 'sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    })
  })

  test('-i pipes stdin in, to its end, and all output out', async () => {
    const stdin = 'x'.repeat(3_000_000)
    const { code, stdout } = await run(['-i', 'busybox', 'cat'], { stdin })
    expect([code, stdout.length]).toEqual([0, stdin.length])
  })

  test('-it is a terminal: echo, size, resize, exit code', async () => {
    const session = open(engine, ['run', '--rm', '-it', ...NONE, 'busybox'], { tty: { rows: 30, columns: 100 } })
    await session.until('# ')
    session.write('until [ "$(stty size)" = "40 120" ]; do sleep 0.05; done; echo resi""zed\n')
    // docker looks at the window only once the container runs: what comes before is not seen by it.
    const resizing = setInterval(() => {
      session.resize(41, 121)
      session.resize(40, 120)
    }, 500)
    await session.until('resized').finally(() => clearInterval(resizing))
    session.write('exit 6\n')
    expect((await session.result).code).toBe(6)
  })

  test('-it detaches by ctrl-p ctrl-q, and attach comes back', async () => {
    const name = 'detached'
    const session = open(engine, ['run', '-it', '--name', name, ...NONE, 'busybox'], { tty: true })
    disposeLater(async () => void (await cli(engine, ['rm', '-f', name])))
    await session.until('# ')
    session.write('\x10\x11')
    expect((await session.result).code).toBe(0)
    expect(await docker('inspect', '-f', '{{.State.Status}}', name)).toBe('running')
    const again = open(engine, ['attach', name], { tty: true })
    again.write('echo back""again; exit 4\n')
    await again.until('backagain')
    expect((await again.result).code).toBe(4)
  })

  test('a signal to the client reaches the process', async () => {
    const script = 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
    const session = open(engine, ['run', '--rm', ...NONE, 'busybox', 'sh', '-c', script])
    await session.until('ready')
    session.kill('SIGTERM')
    expect(await session.result).toMatchObject({ code: 9, stdout: 'ready\ngot it\n' })
  })

  test.each([
    [['nosuch'], 127],
    [['/etc'], 126],
  ])('%s: the exit code of a command that cannot be run', async (command, code) => {
    const result = await run(['busybox', ...command])
    expect(result.code).toBe(code)
    expect(result.stderr).toMatch(/^docker: Error response from daemon: /)
    expect(await docker('ps', '-aq')).toBe('')
  })

  test('an image that is not there', async () => {
    const { code, stderr } = await fails('run', '--rm', '--pull', 'never', 'nosuch')
    expect([code, stderr]).toEqual([125, expect.stringContaining('No such image: nosuch:latest')])
  })

  test('-e, -w, -u, -h and --label arrive', async () => {
    const options = ['-e', 'A=b c', '-w', '/tmp', '-u', '1000:1001', '-h', 'web']
    const { stdout } = await run([...options, 'busybox', 'sh', '-c', 'echo "$A"; pwd; id -u; id -g; hostname'])
    expect(stdout).toBe('b c\n/tmp\n1000\n1001\nweb\n')
  })

  test('-d prints the id; --cidfile writes it', async () => {
    const folder = await mkdtemp('/tmp/skiff-cli-')
    disposeLater(() => rm(folder, { recursive: true }))
    const file = join(folder, 'cid')
    const id = await sleeper('--cidfile', file)
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(await readFile(file, 'utf8')).toBe(id)
  })
})

describe('exec', () => {
  test('outputs, input, exit code, environment, user, folder', async () => {
    const id = await sleeper()
    const args = ['exec', '-i', '-e', 'A=1', '-w', '/tmp', '-u', '7', id, 'sh', '-c']
    const script = 'cat; echo "$A $(pwd) $(id -u)"; echo err >&2; exit 5'
    expect(await cli(engine, [...args, script], { stdin: 'in ' })).toEqual({
      code: 5,
      stdout: 'in 1 /tmp 7\n',
      stderr: 'err\n',
    })
  })

  test('-it is a terminal', async () => {
    const session = open(engine, ['exec', '-it', await sleeper(), 'sh'], { tty: { rows: 20, columns: 70 } })
    await session.until('# ')
    session.write('until [ "$(stty size)" = "20 70" ]; do sleep 0.05; done; echo si""zed; exit 3\n')
    await session.until('sized')
    expect((await session.result).code).toBe(3)
  })

  test('-d returns at once', async () => {
    const id = await sleeper()
    await docker('exec', '-d', id, 'sh', '-c', 'echo done >/tmp/file')
    await docker('exec', id, 'sh', '-c', 'until grep done /tmp/file; do sleep 0.05; done')
  })

  test('a command that is not there: 127 and words about it', async () => {
    const { code, stdout, stderr } = await fails('exec', await sleeper(), 'nosuch')
    // 20.10 says 126; later versions, and shells, say 127.
    expect(code).toBe(isReference ? 126 : 127)
    expect(stdout + stderr).toContain('executable file not found in $PATH')
  })

  test('in a container that does not run', async () => {
    const id = await docker('create', ...NONE, 'busybox')
    const { code, stderr } = await fails('exec', id, 'true')
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^Error response from daemon: Container \w+ is not running/),
    ])
    await docker('rm', id)
  })
})

describe('logs', () => {
  test('both outputs', async () => {
    const id = await docker('create', ...NONE, 'busybox', 'sh', '-c', 'echo out; echo err >&2')
    await docker('start', '-a', id)
    expect(await fails('logs', id)).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' })
    await docker('rm', id)
  })

  test('all, the last ones, with times, of a time', async () => {
    const id = await docker('create', ...NONE, 'busybox', 'seq', '3')
    await docker('start', '-a', id)
    expect(await docker('logs', id)).toBe('1\n2\n3')
    expect(await docker('logs', '--tail', '1', id)).toBe('3')
    expect(await docker('logs', '--tail', '0', id)).toBe('')
    expect(await docker('logs', '-t', '--tail', '1', id)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z 3$/)
    expect(await docker('logs', '--since', '1h', id)).toBe('1\n2\n3')
    expect(await docker('logs', '--until', '1h', id)).toBe('')
    await docker('rm', id)
  })

  test('-f follows to the end of the container', async () => {
    const id = await running('busybox', 'sh', '-c', 'echo first; while [ ! -e /go ]; do sleep 0.05; done; echo last')
    const session = open(engine, ['logs', '-f', id])
    await session.until('first')
    await docker('exec', id, 'touch', '/go')
    expect(await session.result).toMatchObject({ code: 0, stdout: 'first\nlast\n' })
  })
})

describe('attach', () => {
  test('sees what comes, and the exit code', async () => {
    const id = await running(
      'busybox',
      'sh',
      '-c',
      'while [ ! -e /go ]; do echo waiting; sleep 0.1; done; echo bye; exit 7',
    )
    const session = open(engine, ['attach', id])
    await session.until('waiting')
    await docker('exec', id, 'touch', '/go')
    const { code, stdout } = await session.result
    expect([code, stdout]).toEqual([7, expect.stringMatching(/bye\n$/)])
  })

  test('start -ai runs with input and output', async () => {
    const id = await docker('create', '-i', ...NONE, 'busybox', 'cat')
    expect(await cli(engine, ['start', '-ai', id], { stdin: 'through' })).toEqual({
      code: 0,
      stdout: 'through',
      stderr: '',
    })
    await docker('rm', id)
  })
})

describe('life', () => {
  test('ps shows what runs, and with -a what ended', async () => {
    const id = await sleeper('--name', 'web', '--label', 'tier=front')
    const format = '{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Label "tier"}}'
    expect(await docker('ps', '--format', format)).toBe('web|busybox|"sleep 1000"|running|front')
    expect(await docker('ps', '--format', '{{.Status}}')).toMatch(/^Up /)
    for (const filter of ['name=we', 'label=tier=front', 'status=running', `id=${id}`, 'ancestor=busybox']) {
      expect(await docker('ps', '-q', '--no-trunc', '-f', filter), filter).toBe(id)
    }
    expect(await docker('ps', '-q', '-f', 'name=other')).toBe('')
    await docker('kill', 'web')
    await docker('wait', 'web')
    expect(await docker('ps', '-q')).toBe('')
    expect(await docker('ps', '-a', '-f', 'name=web', '--format', '{{.Status}}')).toMatch(/^Exited \(137\) .* ago$/)
    expect(await fails('ps', '-f', 'nosuch=1')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/invalid filter 'nosuch'/i),
    })
  })

  test('inspect is complete enough for templates', async () => {
    const id = await sleeper('--name', 'looked-at')
    const template =
      '{{.Name}} {{.State.Running}} {{.HostConfig.NetworkMode}} {{.Config.Image}} {{len .Mounts}} {{range $n, $_ := .NetworkSettings.Networks}}{{$n}}{{end}}'
    expect(await docker('inspect', '-f', template, id.slice(0, 12))).toBe('/looked-at true none busybox 0 none')
    const [full] = JSON.parse(await docker('inspect', '--size', 'looked-at'))
    expect(full).toMatchObject({ Id: id, SizeRootFs: expect.any(Number), GraphDriver: { Name: 'overlay2' } })
    expect(await fails('inspect', 'nosuch')).toMatchObject({ code: 1, stdout: '[]\n' })
  })

  test('stop, start, restart, kill, wait', async () => {
    const trap = 'trap "exit 3" TERM; echo trapped; while :; do sleep 0.1; done'
    const id = await running('busybox', 'sh', '-c', trap)
    // Before the trap is set a first process is spared the signal.
    while ((await docker('logs', id)) !== 'trapped') await pause(20)
    await docker('stop', '-t', '60', id)
    expect(await docker('inspect', '-f', '{{.State.ExitCode}} {{.State.Status}}', id)).toBe('3 exited')
    await docker('start', id)
    const { Pid } = JSON.parse(await docker('inspect', '-f', '{{json .State}}', id))
    await docker('restart', '-t', '0', id)
    const after = JSON.parse(await docker('inspect', '-f', '{{json .State}}', id))
    expect(after.Pid).not.toBe(Pid)
    const waiting = open(engine, ['wait', id]).result
    await docker('kill', '-s', 'KILL', id)
    expect(await waiting).toMatchObject({ code: 0, stdout: '137\n' })
    expect(await fails('kill', id)).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not running/) })
    // What has stopped already is stopped: no error.
    await docker('stop', id)
  })

  test('pause and unpause', async () => {
    const id = await sleeper()
    await docker('pause', id)
    expect(await docker('ps', '--format', '{{.Status}}')).toMatch(/\(Paused\)$/)
    expect(await fails('exec', id, 'true')).toMatchObject({ code: 1, stderr: expect.stringContaining('is paused') })
    await docker('unpause', id)
    await docker('exec', id, 'true')
  })

  test('top, rename, rm and their refusals', async () => {
    const id = await sleeper('--name', 'before')
    expect(await docker('top', id)).toMatch(/^UID +PID.*CMD\n.* sleep 1000$/)
    await docker('rename', 'before', 'after')
    expect(await docker('inspect', '-f', '{{.Name}}', id)).toBe('/after')
    expect(await fails('run', '--name', 'after', ...NONE, 'busybox')).toMatchObject({
      code: 125,
      stderr: expect.stringContaining(`Conflict. The container name "/after" is already in use by container "${id}"`),
    })
    expect(await fails('rm', 'after')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error response from daemon: (cannot|You cannot) remove/),
    })
    await docker('rm', '-f', 'after')
    expect(await fails('inspect', 'after')).toMatchObject({ code: 1 })
  })

  test('update changes limits', async () => {
    const id = await sleeper('-m', '64m')
    await docker('update', '-m', '100m', '--memory-swap', '100m', id)
    expect(await docker('inspect', '-f', '{{.HostConfig.Memory}}', id)).toBe(String(100 * 1024 * 1024))
  })

  test('cp in and out', async () => {
    const id = await sleeper()
    const folder = await mkdtemp('/tmp/skiff-cli-')
    disposeLater(() => rm(folder, { recursive: true }))
    await docker('exec', id, 'sh', '-c', 'echo inside >/tmp/file')
    await docker('cp', `${id}:/tmp/file`, join(folder, 'copy'))
    expect(await readFile(join(folder, 'copy'), 'utf8')).toBe('inside\n')
    await docker('cp', join(folder, 'copy'), `${id}:/tmp/back`)
    expect(await docker('exec', id, 'cat', '/tmp/back')).toBe('inside')
    expect(await fails('cp', `${id}:/nosuch`, folder)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Could not find the file \/nosuch in container/),
    })
  })

  test('diff and stats', async () => {
    const id = await sleeper()
    await docker('exec', id, 'sh', '-c', 'echo x >/new')
    expect((await docker('diff', id)).split('\n')).toContain('A /new')
    const format = '{{.ID}} {{.PIDs}} {{.MemUsage}}'
    expect(await docker('stats', '--no-stream', '--no-trunc', '--format', format, id)).toMatch(
      new RegExp(`^${id} 1 \\S+iB / \\S+iB$`),
    )
  })

  test('events tell of all of it', async () => {
    const since = String(Math.floor(Date.now() / 1000))
    const session = open(engine, ['events', '--since', since, '-f', 'container=watched', '--format', '{{.Action}}'])
    await docker('run', '--rm', '--name', 'watched', ...NONE, 'busybox', 'true')
    const shown = await session.until('destroy')
    session.kill('SIGTERM')
    const actions = shown.trim().split('\n')
    expect(actions.filter(action => ['create', 'attach', 'start', 'die', 'destroy'].includes(action))).toEqual([
      'create',
      'attach',
      'start',
      'die',
      'destroy',
    ])
  })
})

describe('images', () => {
  test('images, tag, history, inspect, rmi', async () => {
    await docker('tag', 'busybox', 'host.example:5000/team/tool:1.0')
    const format = '{{.Repository}}:{{.Tag}}'
    expect((await docker('images', '--format', format)).split('\n').sort()).toEqual([
      'busybox:latest',
      'host.example:5000/team/tool:1.0',
    ])
    const id = await docker('images', '-q', '--no-trunc', 'busybox')
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await docker('image', 'inspect', '-f', '{{.Id}} {{.Os}} {{.Config.Cmd}}', 'busybox')).toBe(
      `${id} linux [sh]`,
    )
    expect(await docker('history', '-q', '--no-trunc', 'busybox')).toBe(id)
    expect(await docker('rmi', 'host.example:5000/team/tool:1.0')).toBe('Untagged: host.example:5000/team/tool:1.0')
    expect(await fails('rmi', 'nosuch')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('No such image: nosuch:latest'),
    })
    expect(await fails('tag', 'busybox', 'UPPER')).toMatchObject({ code: 1 })
  })

  test('an image that a container uses is kept', async () => {
    await docker('tag', 'busybox', 'busybox:used')
    const id = await docker('images', '-q', '--no-trunc', 'busybox:used')
    await sleeper()
    expect(await fails('rmi', id)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /conflict: unable to delete \w+ \(cannot be forced\) - image is being used by running container/,
      ),
    })
    await docker('rmi', 'busybox:used')
  })

  test('import and load', async () => {
    const id = await docker(
      'import',
      '-c',
      'CMD ["echo", "imported"]',
      '-m',
      'by hand',
      await fixture('busybox.tar'),
      'imported:1',
    )
    expect(id).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(await run(['imported:1'])).toMatchObject({ stdout: 'imported\n' })
    expect(await docker('rmi', 'imported:1')).toMatch(/^Untagged: imported:1\nDeleted: sha256:/)
    expect(await docker('load', '-i', await fixture('busybox-image.tar'))).toMatch(/Loaded image: busybox:latest$/)
    await importBusybox(engine)
  })

  test('save and load give the same image', async () => {
    const folder = await mkdtemp('/tmp/skiff-cli-')
    disposeLater(() => rm(folder, { recursive: true }))
    await docker('tag', 'busybox', 'saved:1')
    const id = await docker('images', '-q', '--no-trunc', 'saved:1')
    await docker('save', '-o', join(folder, 'image.tar'), 'saved:1')
    await docker('rmi', 'saved:1')
    expect(await docker('load', '-q', '-i', join(folder, 'image.tar'))).toBe('Loaded image: saved:1')
    expect(await docker('images', '-q', '--no-trunc', 'saved:1')).toBe(id)
    await docker('rmi', 'saved:1')
  })
})

describe('the engine', () => {
  test('version and info', async () => {
    expect(await docker('version', '-f', '{{.Server.APIVersion}} {{.Server.Os}}')).toMatch(/^1\.4[17] linux$/)
    expect(await docker('info', '-f', '{{.OSType}} {{.Swarm.LocalNodeState}} {{.NCPU}}')).toMatch(
      /^linux inactive \d+$/,
    )
    // The long form reads nearly every field.
    expect(await docker('info')).toMatch(/Storage Driver: overlay2.*Cgroup Version: [12].*Total Memory: /s)
  })

  test('networks, volumes, disk usage', async () => {
    expect((await docker('network', 'ls', '--format', '{{.Name}}')).split('\n')).toEqual(
      expect.arrayContaining(['host', 'none']),
    )
    expect(await docker('volume', 'create', 'data')).toBe('data')
    expect(await docker('volume', 'ls', '-q')).toBe('data')
    expect(await docker('volume', 'inspect', '-f', '{{.Driver}}', 'data')).toBe('local')
    await docker('volume', 'rm', 'data')
    expect(await docker('system', 'df', '--format', '{{.Type}}')).toBe('Images\nContainers\nLocal Volumes\nBuild Cache')
    expect(await docker('plugin', 'ls', '-q')).toBe('')
    expect(await fails('service', 'ls')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('This node is not a swarm manager'),
    })
  })
})

/** docker exec over the API. */

import { once } from 'node:events'
import { Agent, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { parseAddress } from '../../src/client/address.ts'
import { demultiplex } from '../../src/client/demultiplex.ts'
import { Engine } from '../../src/client/engine.ts'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

let skiff: Daemon
let id: string
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  id = await start(skiff, {
    Image: 'busybox',
    Cmd: ['sleep', '100000'],
    Env: ['A=container'],
    WorkingDir: '/tmp',
    Hostname: 'web',
    HostConfig: { NetworkMode: 'none' },
  })
})

const sh = (line: string, spec: object = {}) => exec(skiff, id, ['sh', '-c', line], spec)
const createExec = (spec: object) => skiff.api.post(`/v1.47/containers/${id}/exec`, spec).then(({ Id }) => Id as string)

describe('an exec', () => {
  it('has streams and an exit code of its own', async () => {
    expect(await sh('echo out; echo err >&2; exit 7')).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 7 })
  })

  it('is in the container’s namespaces, root, cgroup, folder and environment', async () => {
    const same = (file: string) =>
      `[ "$(cat ${file.replace('PID', 'self')})" = "$(cat ${file.replace('PID', '1')})" ] && echo same`
    const namespaces = ['pid', 'net', 'mnt', 'ipc', 'uts', 'cgroup']
    const inNamespaces = namespaces.map(
      kind => `[ $(readlink /proc/self/ns/${kind}) = $(readlink /proc/1/ns/${kind}) ] && echo ${kind}`,
    )
    const { stdout } = await sh(['hostname', 'pwd', 'echo $A', same('/proc/PID/cgroup'), ...inNamespaces].join('; '))
    expect(stdout.trim().split('\n')).toEqual(['web', '/tmp', 'container', 'same', ...namespaces])
  })

  it('can have another user, folder and environment', async () => {
    const { stdout } = await sh('id -u; id -g; pwd; echo $A$B', {
      User: '12:34',
      WorkingDir: '/etc',
      Env: ['A=exec', 'B=!'],
    })
    expect(stdout).toBe('12\n34\n/etc\nexec!\n')
  })

  it('has all capabilities when it is privileged', async () => {
    const effective = async (spec: object) => (await sh('grep CapEff /proc/self/status', spec)).stdout.split(/\s+/)[1]!
    const [own, host] = [await effective({}), await effective({ Privileged: true })]
    expect(own).toBe('00000000a80425fb')
    expect(BigInt(`0x${host}`)).toBeGreaterThan(BigInt(`0x${own}`))
  })

  it('takes input', async () => {
    const execId = await createExec({ Cmd: ['tr', 'a-z', 'A-Z'], AttachStdin: true, AttachStdout: true })
    const stream = await skiff.api.hijack(`/exec/${execId}/start`, { body: { Tty: false } })
    const reading = stream.output()
    stream.end('hello\n')
    expect((await reading).stdout).toBe('HELLO\n')
  })

  it('can have a terminal of a given size', async () => {
    const execId = await createExec({
      Cmd: ['sh', '-c', 'tty; stty size'],
      Tty: true,
      AttachStdout: true,
      ConsoleSize: [20, 30],
    })
    const stream = await skiff.api.hijack(`/exec/${execId}/start`, { body: { Tty: true } })
    expect(await stream.raw()).toBe('/dev/pts/0\r\n20 30\r\n')
  })

  it('runs on its own when it is detached', async () => {
    const events = await skiff.api.stream('GET', '/events', { query: { filters: { event: ['exec_die'] } } })
    const told = new Promise<string>(resolve => events.once('data', chunk => resolve(String(chunk))))
    const execId = await createExec({ Cmd: ['sh', '-c', 'exit 4'] })
    await skiff.api.post(`/exec/${execId}/start`, { Detach: true })
    expect(JSON.parse(await told).Actor.Attributes).toMatchObject({ execID: execId, exitCode: '4' })
    expect(await skiff.api.get(`/exec/${execId}/json`)).toMatchObject({ Running: false, ExitCode: 4, ContainerID: id })
    events.destroy()
  })

  it('is seen while it runs', async () => {
    const execId = await createExec({ Cmd: ['sleep', '1000'] })
    await skiff.api.post(`/exec/${execId}/start`, { Detach: true })
    const { Running, ExitCode, Pid } = await skiff.api.get(`/exec/${execId}/json`)
    expect([Running, ExitCode, Pid > 0]).toEqual([true, null, true])
    expect((await inspect(skiff, id)).ExecIDs).toContain(execId)
    await sh(`kill -9 $(pidof sleep | tr ' ' '\\n' | grep -v '^1$')`)
    while ((await skiff.api.get(`/exec/${execId}/json`)).Running) await new Promise(resolve => setTimeout(resolve, 10))
    expect((await skiff.api.get(`/exec/${execId}/json`)).ExitCode).toBe(137)
  })
})

interface ToldAtOnce {
  exitCode: number | undefined
  stdout: string
  stderr: string
  exec: string
}

async function toldAtOnce(bytes: Buffer, headers: IncomingHttpHeaders): Promise<ToldAtOnce> {
  const [out, err] = [new PassThrough(), new PassThrough()]
  const reading = Promise.all([text(out), text(err)])
  const exitCode = await demultiplex(Readable.from([bytes]), out, err)
  out.end()
  err.end()
  const [stdout, stderr] = await reading
  return { exitCode, stdout, stderr, exec: String(headers['skiff-exec']) }
}

const atOnce = (spec: object) => ({ body: { AttachStdout: true, AttachStderr: true, ...spec } })

/** POST /containers/{id}/exec/run: over a connection of its own, which takes input as well. */
async function runAtOnce(spec: object, input?: string): Promise<ToldAtOnce> {
  const stream = await skiff.api.hijack(`/v1.47/containers/${id}/exec/run`, atOnce(spec))
  const reading = buffer(stream.socket)
  if (input !== undefined) stream.end(input)
  return toldAtOnce(await reading, stream.headers)
}

/** POST /containers/{id}/exec/output: an answer like others. */
async function outputAtOnce(spec: object): Promise<ToldAtOnce> {
  const response = await skiff.api.stream('POST', `/v1.47/containers/${id}/exec/output`, atOnce(spec))
  return toldAtOnce(await buffer(response), response.headers)
}

/** skiff's own. */
describe.each([
  ['run', runAtOnce],
  ['output', outputAtOnce],
])('in one round trip, exec/%s', (name, tellAtOnce) => {
  it('come output and exit code, and it is an exec like others', async () => {
    const { exec: execId, ...told } = await tellAtOnce({ Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 7'] })
    expect(told).toEqual({ exitCode: 7, stdout: 'out\n', stderr: 'err\n' })
    expect(await skiff.api.get(`/exec/${execId}/json`)).toMatchObject({ ID: execId, Running: false, ExitCode: 7 })
  })

  it('comes the exit code of what prints nothing', async () => {
    expect(await tellAtOnce({ Cmd: ['false'] })).toMatchObject({ exitCode: 1, stdout: '', stderr: '' })
  })

  it('comes all of what is long', async () => {
    const { exitCode, stdout } = await tellAtOnce({ Cmd: ['seq', '100000'] })
    expect([exitCode, stdout.length, stdout.slice(-7)]).toEqual([0, 588_895, '100000\n'])
  })

  it('comes what a terminal shows, in frames as well', async () => {
    const { exitCode, stdout } = await tellAtOnce({
      Cmd: ['sh', '-c', 'tty; stty size; exit 3'],
      Tty: true,
      ConsoleSize: [20, 30],
    })
    expect([exitCode, stdout]).toEqual([3, '/dev/pts/0\r\n20 30\r\n'])
  })

  it('comes why the command could not be run, with its exit code', async () => {
    const { exitCode, stdout } = await tellAtOnce({ Cmd: ['nope'] })
    expect([exitCode, stdout]).toEqual([
      127,
      expect.stringContaining('exec: "nope": executable file not found in $PATH'),
    ])
  })

  it('is refused what cannot be: no such container, no command', async () => {
    const refused = async (container: string, body: object) => {
      const { status, json } = await skiff.api.request('POST', `/containers/${container}/exec/${name}`, { body })
      return [status, json.message]
    }
    expect(await refused('nobody', { Cmd: ['true'] })).toEqual([404, 'No such container: nobody'])
    expect(await refused(id, { Cmd: [] })).toEqual([400, 'No exec command specified'])
  })
})

test('exec/run takes input', async () => {
  const { exitCode, stdout } = await runAtOnce({ Cmd: ['tr', 'a-z', 'A-Z'], AttachStdin: true }, 'hello\n')
  expect([exitCode, stdout]).toEqual([0, 'HELLO\n'])
})

describe('exec/output', () => {
  it('takes no input', async () => {
    const spec = atOnce({ Cmd: ['cat'], AttachStdin: true })
    const { status, json } = await skiff.api.request('POST', `/containers/${id}/exec/output`, spec)
    expect([status, json.message]).toEqual([400, 'standard input goes to exec/run'])
  })

  it('leaves the connection to the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const engine = new Engine(parseAddress(`unix://${skiff.socket}`), { pinnedVersion: '1.47', agent })
    const sockets = new Set<unknown>()
    for (const line of ['echo 1', 'exit 2', 'nope']) {
      const { output } = await engine.listen(`/containers/${id}/exec/output`, atOnce({ Cmd: ['sh', '-c', line] }))
      sockets.add((output as IncomingMessage).socket)
      await buffer(output)
    }
    agent.destroy()
    expect(sockets.size).toBe(1)
  })

  it('goes on when its client leaves', async () => {
    await sh('mkfifo /tmp/gate')
    const path = `/containers/${id}/exec/output`
    const response = await skiff.api.stream(
      'POST',
      path,
      atOnce({ Cmd: ['sh', '-c', 'echo there; read < /tmp/gate; exit 9'] }),
    )
    await once(response, 'data')
    response.destroy()
    const execId = String(response.headers['skiff-exec'])
    expect((await skiff.api.get(`/exec/${execId}/json`)).Running).toBe(true)
    await sh('echo > /tmp/gate')
    while ((await skiff.api.get(`/exec/${execId}/json`)).Running) await new Promise(resolve => setTimeout(resolve, 10))
    expect((await skiff.api.get(`/exec/${execId}/json`)).ExitCode).toBe(9)
  })
})

describe('what is refused', () => {
  it.each([
    [['nope'], 127, 'exec: "nope": executable file not found in $PATH'],
    [['/etc/passwd'], 126, 'permission denied'],
  ])('%j ends with %d', async (Cmd, code, words) => {
    const execId = await createExec({ Cmd })
    const { status, json } = await skiff.api.request('POST', `/exec/${execId}/start`, { body: { Detach: true } })
    expect(status).toBeGreaterThanOrEqual(400)
    expect(json.message).toContain(words)
    expect((await skiff.api.get(`/exec/${execId}/json`)).ExitCode).toBe(code)
  })

  it('is a second start, an unknown user, an unknown exec, no command', async () => {
    const execId = await createExec({ Cmd: ['true'] })
    await skiff.api.post(`/exec/${execId}/start`, { Detach: true })
    while ((await skiff.api.get(`/exec/${execId}/json`)).Running) await new Promise(resolve => setTimeout(resolve, 10))
    const again = await skiff.api.request('POST', `/exec/${execId}/start`, { body: { Detach: true } })
    expect([again.status, again.json.message]).toEqual([409, `Error: Exec command ${execId} has already run`])
    const stranger = await createExec({ Cmd: ['true'], User: 'nobody-here' })
    const { json } = await skiff.api.request('POST', `/exec/${stranger}/start`, { body: { Detach: true } })
    expect(json.message).toBe('unable to find user nobody-here: no matching entries in passwd file')
    expect((await skiff.api.request('GET', '/exec/abc/json')).json).toEqual({ message: 'No such exec instance: abc' })
    const empty = await skiff.api.request('POST', `/containers/${id}/exec`, { body: { Cmd: [] } })
    expect([empty.status, empty.json.message]).toEqual([400, 'No exec command specified'])
  })
})

it('ends with its container', async () => {
  const other = await start(skiff, { Image: 'busybox', Cmd: ['sleep', '100000'], HostConfig: { NetworkMode: 'none' } })
  const Cmd = ['sh', '-c', 'echo up; sleep 1000']
  const { Id } = await skiff.api.post(`/containers/${other}/exec`, { Cmd, AttachStdout: true })
  const stream = await skiff.api.hijack(`/exec/${Id}/start`, { body: {} })
  const up = new Promise(resolve => stream.socket.once('data', resolve))
  const reading = stream.output()
  await up
  await skiff.api.post(`/containers/${other}/kill`)
  expect(await reading).toEqual({ stdout: 'up\n', stderr: '' })
  await remove(skiff, other)
  expect((await skiff.api.request('GET', `/exec/${Id}/json`)).status).toBe(404)
})

/** A daemon that takes a container over finds the rules of its name server in the container's namespace, and leaves them alone if they hold. */

import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { exec, inspect, start } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { importBusybox } from '../support/images.ts'

const run = promisify(execFile)

let skiff: Daemon
let pid: number

beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  await skiff.api.post('/networks/create', { Name: 'named' })
  const spec = {
    Image: 'busybox',
    Cmd: ['sleep', '100000'],
    StopSignal: 'SIGKILL',
    HostConfig: { NetworkMode: 'named' },
  }
  await start(skiff, spec, 'other')
  const id = await start(skiff, spec, 'asks')
  pid = (await inspect(skiff, id)).State.Pid
})

/** The table of its namespace as nft(8) shows it, with its handle: a new table has a new one. */
const table = async (): Promise<string> =>
  (await run('nsenter', ['-t', String(pid), '-n', 'nft', '-a', 'list', 'table', 'ip', 'skiff-names'])).stdout

async function expectAnswer(): Promise<void> {
  const { NetworkSettings } = await inspect(skiff, 'other')
  const { stdout } = await exec(skiff, 'asks', ['nslookup', 'other'])
  expect(stdout).toContain(NetworkSettings.Networks.named.IPAddress)
}

test('rules that lead to the name server are kept over a restart', async () => {
  const before = await table()
  expect(before).toMatch(/dnat to 127\.0\.0\.11:40053/)
  await expectAnswer()
  await skiff.restart()
  expect(await table()).toBe(before)
  await expectAnswer()
})

const TAKE = `
import socket, sys
taken = []
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    one = socket.socket(socket.AF_INET, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    one.bind(('127.0.0.11', 40053))
    if kind == socket.SOCK_STREAM: one.listen()
    taken.append(one)
print('taken', flush=True)
sys.stdin.read()
`

test('they are written anew when the container has taken the port meanwhile', async () => {
  const before = await table()
  await skiff.terminate()
  const taker = spawn('nsenter', ['-t', String(pid), '-n', 'python3', '-c', TAKE], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise(resolve => taker.once('exit', resolve))
  const end = disposeLater(async () => {
    taker.stdin.end()
    await ended
  })
  await Promise.race([
    new Promise(resolve => taker.stdout.once('data', resolve)),
    ended.then(code => Promise.reject(new Error(`the port could not be taken: ${code}`))),
  ])
  await skiff.restart()
  const now = await table()
  expect(now).not.toBe(before)
  expect(now).not.toContain('40053')
  await expectAnswer()
  await end()
  await skiff.restart()
  expect(await table()).toMatch(/dnat to 127\.0\.0\.11:40053/)
  await expectAnswer()
})

test('a name that was given while it runs is known to the next daemon', async () => {
  await skiff.api.post('/containers/other/rename', undefined, { name: 'anew' })
  await skiff.kill9()
  await skiff.restart()
  const { NetworkSettings } = await inspect(skiff, 'anew')
  expect((await exec(skiff, 'asks', ['nslookup', 'anew'])).stdout).toContain(NetworkSettings.Networks.named.IPAddress)
  expect((await exec(skiff, 'asks', ['nslookup', 'other'])).stdout).not.toContain(
    NetworkSettings.Networks.named.IPAddress,
  )
})

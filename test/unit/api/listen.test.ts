import { closeSync, openSync } from 'node:fs'
import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, createServer as createSocketServer, type Server } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { listenOn } from '../../../src/api/http/listen.ts'
import { listenUnix } from '../../../src/kernel/sockets.ts'
import { lines } from './serve.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp('/tmp/skiff-listen-')
  return () => rm(folder, { recursive: true })
})

function server() {
  const http = createServer((_, response) => response.end('answer'))
  onTestFinished(() => void http.close())
  return http
}

const request = lines('GET / HTTP/1.1', 'Host: d', 'Connection: close')
const ask = async (to: { path: string } | { port: number; host: string }): Promise<string> => {
  const socket = connect(to)
  socket.write(request)
  return text(socket)
}

test('a Unix socket has its mode and group from its first moment', async () => {
  const path = join(folder, 's')
  const before = process.umask()
  expect(await listenOn(server(), { kind: 'unix', path, mode: 0o660, gid: 7 })).toEqual({ port: null })
  const { mode, gid } = await stat(path)
  expect([mode & 0o777, gid, process.umask()]).toEqual([0o660, 7, before])
  expect(await ask({ path })).toContain('answer')
})

test('a dead socket makes room, a live one does not', async () => {
  const path = join(folder, 's')
  const unix = { kind: 'unix', path, mode: 0o600, gid: 0 } as const
  await listenOn(server(), unix)
  await expect(listenOn(server(), unix)).rejects.toThrow(/is in use: another daemon answers on it/)
  const other = join(folder, 'dead')
  await leaveDeadSocket(other)
  await listenOn(server(), { ...unix, path: other })
  expect(await ask({ path: other })).toContain('answer')
})

/** Node unlinks a socket that it closes: this one is moved away before, as if its daemon had been killed. */
async function leaveDeadSocket(path: string): Promise<void> {
  const dying: Server = createSocketServer()
  await new Promise<void>(resolve => dying.listen(`${path}-dying`, resolve))
  await rename(`${path}-dying`, path)
  await new Promise<void>(resolve => dying.close(() => resolve()))
}

test('TCP says which port it became', async () => {
  const { port } = await listenOn(server(), { kind: 'tcp', host: '127.0.0.1', port: 0 })
  expect(await ask({ host: '127.0.0.1', port: port ?? 0 })).toContain('answer')
})

test('a socket that a service manager opened is taken over', async () => {
  const directory = openSync(folder, 'r')
  onTestFinished(() => closeSync(directory))
  await listenOn(server(), { kind: 'fd', fd: listenUnix(directory, 's', 8) })
  expect(await ask({ path: join(folder, 's') })).toContain('answer')
})

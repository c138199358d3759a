/** Receivers of logs: syslog servers of each kind, and a journal. Each is a test's own, on a socket or port of its own. */

import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { disposeLater } from './disposal.ts'

const DATAGRAMS = fileURLToPath(new URL('datagrams.py', import.meta.url))

export interface LogServer {
  /** As the option syslog-address has it. */
  readonly address: string
  /** Whole messages, in the order of their coming. */
  readonly messages: string[]
  /** Resolves when that many have come. */
  until(count: number): Promise<string[]>
  stop(): Promise<void>
}

export interface StreamServer extends LogServer {
  /** A slow receiver: takes nothing any more, or again. */
  pause(): void
  resume(): void
}

class Received {
  readonly messages: string[] = []
  #wake: (() => void)[] = []

  add(message: string): void {
    this.messages.push(message)
    for (const wake of this.#wake.splice(0)) wake()
  }

  async until(count: number): Promise<string[]> {
    while (this.messages.length < count) await new Promise<void>(resolve => this.#wake.push(resolve))
    return this.messages
  }
}

/** `at`: a path, or a port of 127.0.0.1 (0: any). Messages end with a newline. */
export async function streamServer(at: string | number): Promise<StreamServer> {
  const received = new Received()
  const sockets = new Set<Socket>()
  let paused = false
  const server = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    let rest = ''
    socket.on('data', bytes => {
      const lines = (rest + bytes.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) received.add(line)
    })
    if (paused) socket.pause()
  })
  server.listen(typeof at === 'string' ? { path: at } : { port: at, host: '127.0.0.1' })
  await once(server, 'listening')
  const stop = disposeLater(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  const set = (value: boolean): void => {
    paused = value
    for (const socket of sockets) value ? socket.pause() : socket.resume()
  }
  return {
    address: typeof at === 'string' ? `unix://${at}` : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    messages: received.messages,
    until: count => received.until(count),
    stop,
    pause: () => set(true),
    resume: () => set(false),
  }
}

export async function udpServer(): Promise<LogServer> {
  const received = new Received()
  const socket = createSocket('udp4')
  socket.on('message', bytes => received.add(bytes.toString()))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const stop = disposeLater(async () => void (await new Promise<void>(resolve => socket.close(() => resolve()))))
  const address = `udp://127.0.0.1:${socket.address().port}`
  return { address, messages: received.messages, until: count => received.until(count), stop }
}

/** Datagrams on a Unix socket, which Node does not know: syslog's unixgram, and the journal's native protocol. */
export async function datagramServer(path: string): Promise<LogServer> {
  const received = new Received()
  const child = spawn('python3', [DATAGRAMS, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)
  await once(lines, 'line')
  lines.on('line', line => received.add(Buffer.from(line, 'base64').toString('latin1')))
  const ended = once(child, 'exit')
  const stop = disposeLater(async () => {
    child.kill('SIGKILL')
    await ended
    await rm(path, { force: true })
  })
  return { address: `unixgram://${path}`, messages: received.messages, until: count => received.until(count), stop }
}

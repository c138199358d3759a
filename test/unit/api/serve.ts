/** An API server on a socket of its own with small services made for one test. */

import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { createApiServer } from '../../../src/api/server.ts'
import type { Services } from '../../../src/api/services.ts'

/** Calling what a test did not provide is a mistake of the test, or of the route. */
const absent = (room: string): never =>
  new Proxy({} as never, {
    get: (_, method) => () => {
      throw new Error(`the test has no ${room}.${String(method)}`)
    },
  })

export type PartialServices = { [Room in keyof Services]?: Partial<NonNullable<Services[Room]>> }

const version = { version: '9.9.9' }

export async function serve(services: PartialServices = {}): Promise<string> {
  const rooms = ['containers', 'files', 'stats', 'images', 'events', 'volumes', 'networks'] as const
  const all = Object.fromEntries(rooms.map(room => [room, services[room] ?? absent(room)]))
  const api = createApiServer(
    { registry: null, ...all, system: { version: () => version, ...services.system } } as unknown as Services,
    { log: pino({ level: 'silent' }), debug: false },
  )
  const folder = await mkdtemp('/tmp/skiff-api-')
  const path = join(folder, 'socket')
  await api.listen({ kind: 'unix', path, mode: 0o600, gid: 0 })
  onTestFinished(async () => {
    await api.close(0)
    await rm(folder, { recursive: true })
  })
  return path
}

export interface Raw {
  socket: Socket
  /** Everything that came, until the server ended the connection. */
  rest: Promise<string>
}

/** Speaks bare bytes, as no HTTP library does it. */
export function raw(path: string, request: string): Raw {
  const socket = connect({ path, allowHalfOpen: true })
  socket.write(request)
  onTestFinished(() => void socket.destroy())
  return { socket, rest: buffer(socket).then(bytes => bytes.toString('latin1')) }
}

export const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n\r\n`

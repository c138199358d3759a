/** Further processes in a container. Engine API reference, "Exec". */

import type { Duplex } from 'node:stream'
import type { ExecConfig, ExecId } from '../../containers/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { encodeExec, execConfig, execStart } from '../codec/exec.ts'
import type { Call } from '../http/call.ts'
import { copyOutput } from '../http/copy-output.ts'
import { messageOf } from '../http/errors.ts'
import { exitFrame, stdoutFrame } from '../http/frames.ts'
import { get, hijacked, post, type Route } from '../http/router.ts'
import { MULTIPLEXED, streamType } from '../http/streams.ts'

const id = (call: Call): string => call.param('id')

async function create(call: Call): Promise<void> {
  const config = await readConfig(call)
  call.send(201, { Id: await call.services.containers.createExec(id(call), config) })
}

async function readConfig(call: Call): Promise<ExecConfig> {
  const config = await call.json(execConfig)
  // Before 1.42 there was none, and what clients sent under this name meant nothing.
  if (!call.since('1.42')) config.consoleSize = null
  return config
}

/**
 * skiff's own: create, start and the exit code in one round trip. The body is that of create. The answer is a connection like that of
 * start, of frames also where there is a terminal; its header tells the exec's id, its last frame the exit code (../http/frames.ts).
 */
async function run(call: Call): Promise<void> {
  const { connection } = call
  const config = await readConfig(call)
  const exec = await call.services.containers.createExec(id(call), config)
  const accept = () => connection.accept(MULTIPLEXED, { 'Skiff-Exec': exec })
  try {
    const process = await startAtOnce(call, exec, accept)
    if (process) await connection.join(process, config.attachStdin ? connection.rest : null, () => ended(call, exec))
  } catch (error) {
    if (!connection.accepted) throw error
    await connection.say(await failure(call, exec, error))
  }
}

/** The same for who has nothing to send to the process: an ordinary answer, after which the connection serves on. */
async function output(call: Call): Promise<void> {
  const { response } = call
  const config = await readConfig(call)
  if (config.attachStdin) throw new InvalidParameter('standard input goes to exec/run')
  const exec = await call.services.containers.createExec(id(call), config)
  const beforeStart = async (): Promise<void> => {
    response.writeHead(200, { 'Content-Type': MULTIPLEXED, 'Skiff-Exec': exec })
    // Who has a terminal needs the id for its size. Otherwise the header goes with the output: it would only wake the client.
    if (config.tty) response.flushHeaders()
  }
  let process: Duplex | null
  try {
    process = await startAtOnce(call, exec, beforeStart)
  } catch (error) {
    if (!response.headersSent) throw error
    response.end(await failure(call, exec, error))
    return
  }
  if (process) await copyOutput(process, response)
  response.end(await ended(call, exec))
}

function startAtOnce({ services }: Call, exec: ExecId, beforeStart: () => Promise<void>): Promise<Duplex | null> {
  return telling(
    exec,
    services.containers.startExec(exec, { detach: false, tty: false, consoleSize: null, beforeStart }),
  )
}

/** null: it runs on, and the client has left it. */
async function ended({ services }: Call, exec: ExecId): Promise<Buffer | null> {
  const { exitCode } = await services.containers.inspectExec(exec)
  return exitCode === null ? null : exitFrame(exitCode)
}

/** Why it did not start, in the place of its output. */
async function failure(call: Call, exec: ExecId, error: unknown): Promise<Buffer> {
  return Buffer.concat([stdoutFrame(`${messageOf(error)}\r\n`), (await ended(call, exec)) ?? Buffer.alloc(0)])
}

async function start(call: Call): Promise<void> {
  const { containers } = call.services
  const { detach, tty, consoleSize } = await call.json(execStart)
  const options = { detach, tty, consoleSize: tty && call.since('1.42') ? consoleSize : null }
  if (detach) {
    await containers.startExec(id(call), options)
    call.empty(200)
    return
  }
  const { connection } = call
  const accept = () => connection.accept(streamType(call, tty))
  const { config } = await containers.inspectExec(id(call))
  try {
    const process = await telling(id(call), containers.startExec(id(call), { ...options, beforeStart: accept }))
    if (!connection.accepted) await accept()
    if (process) await connection.join(process, config.attachStdin ? connection.rest : null)
  } catch (error) {
    if (!connection.accepted) throw error
    // The command was not found, or could not be run: clients show this as its output, and ask for the exit code next.
    const words = `${messageOf(error)}\r\n`
    await connection.say(tty ? words : stdoutFrame(words))
  }
}

/** Execs whose answer has begun and whose process is not there yet. */
const starting = new Map<string, Promise<unknown>>()

async function telling<T>(exec: string, started: Promise<T>): Promise<T> {
  starting.set(exec, started)
  try {
    return await started
  } finally {
    starting.delete(exec)
  }
}

/** Clients set the size as soon as they have the header, which comes before the process: such a one has to wait. */
async function resize(call: Call): Promise<void> {
  const [height, width] = [call.query.int('h'), call.query.int('w')]
  await starting.get(id(call))?.catch(() => undefined)
  await call.services.containers.resizeExec(id(call), height, width)
  call.empty(200)
}

async function inspect(call: Call): Promise<void> {
  call.send(200, encodeExec(await call.services.containers.inspectExec(id(call))))
}

export const execRoutes: Route[] = [
  post('/containers/{id*}/exec', create),
  hijacked(post('/containers/{id*}/exec/run', run)),
  post('/containers/{id*}/exec/output', output),
  hijacked(post('/exec/{id}/start', start)),
  post('/exec/{id}/resize', resize),
  get('/exec/{id}/json', inspect),
]

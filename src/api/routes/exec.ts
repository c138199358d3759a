/** Further processes in a container. Engine API reference, "Exec". */

import type { ExecConfig } from '../../containers/types.ts'
import { encodeExec, execConfig, execStart } from '../codec/exec.ts'
import type { Call } from '../http/call.ts'
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
  const { containers } = call.services
  const { connection } = call
  const config = await readConfig(call)
  const exec = await containers.createExec(id(call), config)
  const ended = async (): Promise<Buffer | null> => {
    const { exitCode } = await containers.inspectExec(exec)
    return exitCode === null ? null : exitFrame(exitCode)
  }
  try {
    const beforeStart = () => connection.accept(MULTIPLEXED, { 'Skiff-Exec': exec })
    const options = { detach: false, tty: false, consoleSize: null, beforeStart }
    const process = await telling(exec, containers.startExec(exec, options))
    if (process) await connection.join(process, config.attachStdin ? connection.rest : null, ended)
  } catch (error) {
    if (!connection.accepted) throw error
    const words = stdoutFrame(`${messageOf(error)}\r\n`)
    await connection.say(Buffer.concat([words, (await ended()) ?? Buffer.alloc(0)]))
  }
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
  hijacked(post('/exec/{id}/start', start)),
  post('/exec/{id}/resize', resize),
  get('/exec/{id}/json', inspect),
]

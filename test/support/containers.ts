/** Containers over the API, as most tests need them: run something, look at what it printed and how it ended. */

import type { Json, Output } from './client.ts'
import type { Engine } from './engine.ts'

/** The body of POST /containers/create. */
export interface Spec {
  Image: string
  Cmd?: string[]
  HostConfig?: object
  [field: string]: unknown
}

export interface Finished extends Output {
  id: string
  exitCode: number
}

/** Creates a container; the answer is its id. */
export async function create(engine: Engine, spec: Spec, name?: string): Promise<string> {
  const { Id } = await engine.api.post('/containers/create', spec, { name })
  return Id
}

/** Creates and starts. */
export async function start(engine: Engine, spec: Spec, name?: string): Promise<string> {
  const id = await create(engine, spec, name)
  await engine.api.post(`/containers/${id}/start`)
  return id
}

/** Create, attach, start, wait, remove. With `Tty`, everything is in stdout. */
export async function run(engine: Engine, spec: Spec, name?: string): Promise<Finished> {
  const id = await create(engine, { AttachStdout: true, AttachStderr: true, ...spec }, name)
  try {
    const attached = await engine.api.hijack(`/containers/${id}/attach`, { query: { stream: 1, stdout: 1, stderr: 1 } })
    const reading = spec.Tty === true ? attached.raw().then(stdout => ({ stdout, stderr: '' })) : attached.output()
    await engine.api.post(`/containers/${id}/start`)
    const [output, { StatusCode }] = await Promise.all([reading, engine.api.post(`/containers/${id}/wait`)])
    return { id, exitCode: StatusCode, ...output }
  } finally {
    await engine.api.delete(`/containers/${id}`, { force: true, v: true })
  }
}

/** Runs a command in a running container. */
export async function exec(
  engine: Engine,
  id: string,
  command: string[],
  spec: object = {},
): Promise<Output & { exitCode: number }> {
  const { Id } = await engine.api.post(`/containers/${id}/exec`, {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: command,
    ...spec,
  })
  const stream = await engine.api.hijack(`/exec/${Id}/start`, { body: { Detach: false, Tty: false } })
  const output = await stream.output()
  const { ExitCode } = await engine.api.get(`/exec/${Id}/json`)
  return { ...output, exitCode: ExitCode }
}

/** GET /containers/ID/json */
export const inspect = (engine: Engine, id: string): Promise<Json> => engine.api.get(`/containers/${id}/json`)

/** Waits until the container has ended; the answer is its exit code. */
export const wait = async (engine: Engine, id: string): Promise<number> =>
  (await engine.api.post(`/containers/${id}/wait`)).StatusCode

export const remove = (engine: Engine, id: string): Promise<Json> =>
  engine.api.delete(`/containers/${id}`, { force: true, v: true })

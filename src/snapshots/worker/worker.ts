/** The thread's side: runs one job for each message, and reports how it ended. */

import { parentPort } from 'node:worker_threads'
import { close, useOwnUmask } from '../../kernel/files.ts'
import { toTransferred } from './errors.ts'
import { JOBS, type JobKind } from './jobs.ts'
import { type JobMessage, OTHER_FAILED, type ToWorker } from './protocol.ts'
import { SocketOutput } from './socket-output.ts'
import { type Output, Receiver, Sender } from './streams.ts'

useOwnUmask()
parentPort!.on('message', (message: JobMessage) => void serve(message))

async function serve({ job, port, socket, from, to }: JobMessage): Promise<void> {
  const input = new Receiver(from ?? port)
  const sender = new Sender(to ?? port)
  const output = socket === null ? sender : new SocketOutput(socket)
  const hear = (message: ToWorker): void => {
    if ('chunk' in message) input.push(message.chunk)
    else if ('end' in message) input.end()
    else if ('taken' in message) sender.taken(message)
    else {
      const reason = new Error(message.abort)
      input.fail(reason)
      output.stop(reason)
    }
  }
  const ports = [port, from, to].filter(each => each !== null)
  for (const each of ports) each.on('message', hear)
  try {
    const { kind, ...parameters } = job
    const run = JOBS[kind as JobKind] as (parameters: unknown, input: Receiver, output: Output) => Promise<unknown>
    port.postMessage({ result: await run(parameters, input, output) })
  } catch (error) {
    port.postMessage({ error: toTransferred(error) })
    for (const other of [from, to]) other?.postMessage({ abort: OTHER_FAILED })
  } finally {
    if (socket !== null) close(socket)
    // Lets the thread be idle; what was posted still arrives.
    for (const each of ports) each.close()
  }
}

/** A process that prints nothing may be over before anybody listens to its output: its end is told all the same. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, createServer as createSocketServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { copyOutput } from '../../../src/api/http/copy-output.ts'
import { holdEnd } from '../../../src/containers/exec/hold-end.ts'

/** A connection that its other side has ended; 'end' and 'close' have been said to nobody. */
async function endedSocket(): Promise<Socket> {
  const server = createSocketServer(peer => peer.end()).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1')
  await once(socket, 'close')
  return socket
}

test('an exec’s stream ends, after its exit code is known', async () => {
  let isKnown = false
  const stream = holdEnd(await endedSocket(), async () => {
    isKnown = true
  })
  expect(await text(stream)).toBe('')
  expect(isKnown).toBe(true)
})

test('an answer with such an output ends', async () => {
  const output = await endedSocket()
  const answer = async (response: ServerResponse): Promise<void> => {
    await copyOutput(output, response)
    response.end('over')
  }
  const server = createServer((_, response) => void answer(response)).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('over')
})

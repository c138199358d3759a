import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Conflict, InvalidParameter, NotFound } from '../../../src/kernel/errors.ts'
import { lines, type PartialServices, raw, serve } from './serve.ts'

/** A process: what the client sent arrives at `stdin`, what is written to `output` goes to the client. */
function fakeProcess() {
  const stdin = new PassThrough()
  const output = new PassThrough()
  return { stdin, output, stream: Duplex.from({ readable: output, writable: stdin }) }
}

function withExec(
  start: (options: { beforeStart?: () => Promise<void> }) => Promise<Duplex | null>,
  attachStdin = true,
) {
  const services: PartialServices = {
    containers: {
      inspectExec: async () => ({ config: { attachStdin } }) as never,
      startExec: async (_id, options) => start(options),
    },
  }
  return serve(services)
}

const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp']
const json = (body: string) => ['Content-Type: application/json', `Content-Length: ${body.length}`]
const startRequest = (headers: string[], body = '{"Detach":false,"Tty":false}', version = '') =>
  `${lines(`POST ${version}/exec/e1/start HTTP/1.1`, 'Host: d', ...headers, ...json(body))}${body}`

/** The header, once it is complete; what else has come is put back. */
async function header(socket: Socket): Promise<string> {
  let seen = ''
  while (!seen.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    seen += chunk.toString('latin1')
  }
  socket.pause()
  const [head = '', ...rest] = seen.split('\r\n\r\n')
  if (rest.join('') !== '') socket.unshift(Buffer.from(rest.join('\r\n\r\n'), 'latin1'))
  return head
}

test('101 UPGRADED comes alone and before the process is started', async () => {
  const { stream, output } = fakeProcess()
  let accepted = false
  const path = await withExec(async ({ beforeStart }) => {
    await beforeStart?.()
    accepted = true
    return stream
  })
  const socket = connect({ path, allowHalfOpen: true })
  socket.write(startRequest(UPGRADE))
  const head = await header(socket)
  expect(head.split('\r\n').slice(0, 4)).toEqual([
    'HTTP/1.1 101 UPGRADED',
    'Content-Type: application/vnd.docker.multiplexed-stream',
    'Connection: Upgrade',
    'Upgrade: tcp',
  ])
  expect(socket.readableLength).toBe(0)
  output.end('bytes as they are')
  expect(await text(socket)).toBe('bytes as they are')
  expect(accepted).toBe(true)
})

test('output that is there at once follows the header in a read of its own', async () => {
  const { stream, output } = fakeProcess()
  output.write('early')
  const path = await withExec(async () => stream)
  const socket = connect({ path, allowHalfOpen: true })
  socket.write(startRequest(UPGRADE))
  const [first] = (await once(socket, 'data')) as [Buffer]
  expect(first.toString()).toMatch(/\r\n\r\n$/)
  const [second] = (await once(socket, 'data')) as [Buffer]
  expect(second.toString()).toBe('early')
  output.end()
})

test('the old form is 200 with raw bytes: no chunks, no length', async () => {
  const { stream, output } = fakeProcess()
  const path = await withExec(async () => stream)
  const { rest } = raw(path, startRequest([]))
  output.end('x')
  const [head, body] = (await rest).split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type: application\/vnd.docker.multiplexed-stream\r\n/)
  expect(head).not.toMatch(/chunked|Content-Length|Upgrade/i)
  expect(body).toBe('x')
})

test('before 1.42 the content type is raw-stream', async () => {
  const { stream, output } = fakeProcess()
  const path = await withExec(async () => stream)
  const { rest } = raw(path, startRequest(UPGRADE, undefined, '/v1.41'))
  output.end()
  expect(await rest).toContain('Content-Type: application/vnd.docker.raw-stream\r\n')
})

test.each([
  ['Upgrade', UPGRADE],
  ['the old form', []],
])(
  '%s: stdin right behind the body reaches the process, half-close ends it, output still comes',
  async (_, headers) => {
    const { stream, stdin, output } = fakeProcess()
    const path = await withExec(async () => stream)
    const { socket, rest } = raw(path, `${startRequest(headers)}first `)
    socket.end('second')
    expect(await text(stdin)).toBe('first second')
    output.end('the answer')
    expect((await rest).split('\r\n\r\n')[1]).toBe('the answer')
  },
)

test('a body in chunks is taken exactly, whatever follows it is stdin', async () => {
  const { stream, stdin, output } = fakeProcess()
  const path = await withExec(async () => stream)
  const request = lines(
    'POST /exec/e1/start HTTP/1.1',
    'Host: d',
    ...UPGRADE,
    'Content-Type: application/json',
    'Transfer-Encoding: chunked',
  )
  const { socket, rest } = raw(path, `${request}5;ext=1\r\n{"Tty\r\n7\r\n":true}\r\n0\r\nTrailer: x\r\n\r\nstdin`)
  socket.end()
  expect(await text(stdin)).toBe('stdin')
  output.end()
  expect(await rest).toContain('raw-stream')
})

test('attach takes a chunked body for stdin, as HTTP libraries send it', async () => {
  const { stream, stdin, output } = fakeProcess()
  const path = await serve({
    containers: {
      inspect: async () => ({ id: 'c', config: { tty: false } }) as never,
      attach: async () => stream,
    },
  })
  const head = lines(
    'POST /containers/c/attach?stdin=1&stdout=1&stream=1 HTTP/1.1',
    'Host: d',
    'Transfer-Encoding: chunked',
  )
  const { socket, rest } = raw(path, `${head}3\r\nabc\r\n`)
  socket.write('2\r\nde\r\n0\r\n\r\n')
  expect(await text(stdin)).toBe('abcde')
  output.end('out')
  expect((await rest).split('\r\n\r\n')[1]).toBe('out')
})

test.each([
  ['of a known length', ['Content-Length: 13'], '{"stdin":true}'.slice(0, 13)],
  ['in chunks', ['Transfer-Encoding: chunked'], '2\r\n{}\r\n0\r\n\r\n'],
])('attach with an upgrade passes over a body %s: the input follows it', async (_, headers, body) => {
  const { stream, stdin, output } = fakeProcess()
  const path = await serve({
    containers: {
      inspect: async () => ({ id: 'c', config: { tty: false } }) as never,
      attach: async () => stream,
    },
  })
  const head = lines('POST /containers/c/attach?stdin=1&stream=1 HTTP/1.1', 'Host: d', ...UPGRADE, ...headers)
  const { socket, rest } = raw(path, head + body)
  socket.end('the input')
  expect(await text(stdin)).toBe('the input')
  output.end('the output')
  expect(await rest).toMatch(/the output$/)
})

test('the upgrade header does nothing elsewhere', async () => {
  const { rest } = raw(
    await serve(),
    lines('GET /_ping HTTP/1.1', 'Host: d', 'Connection: Upgrade, close', 'Upgrade: h2c'),
  )
  expect(await rest).toMatch(/^HTTP\/1.1 200 OK.*OK$/s)
})

test.each([
  [new NotFound('No such exec instance: e1'), 404],
  [new Conflict('Container c is not running'), 409],
])('what is refused before the start is an ordinary answer: %o', async (error, status) => {
  const { rest } = raw(await withExec(() => Promise.reject(error)), startRequest(UPGRADE))
  const [head, body] = (await rest).split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*Content-Type: application/json`, 's'))
  expect(JSON.parse(body ?? '')).toEqual({ message: error.message })
})

test('a command that cannot be run is told as output', async () => {
  const path = await withExec(async ({ beforeStart }) => {
    await beforeStart?.()
    throw new InvalidParameter('exec: "x": executable file not found in $PATH')
  })
  const words = 'exec: "x": executable file not found in $PATH\r\n'
  const { rest } = raw(path, startRequest(UPGRADE))
  expect((await rest).split('\r\n\r\n')[1]).toBe(`\x01\0\0\0\0\0\0${String.fromCharCode(words.length)}${words}`)
})

test('a size that is set before the process is there waits for it', async () => {
  const { stream, output } = fakeProcess()
  const sizes: number[][] = []
  let isThere = false
  const path = await serve({
    containers: {
      inspectExec: async () => ({ config: { attachStdin: false } }) as never,
      startExec: async (_id, { beforeStart }) => {
        await beforeStart?.()
        await sleep(100)
        isThere = true
        return stream
      },
      resizeExec: async (_id, rows, columns) => {
        if (!isThere) throw new Conflict('exec e1 is not running')
        sizes.push([rows, columns])
      },
    },
  })
  const socket = connect({ path, allowHalfOpen: true })
  socket.write(startRequest(UPGRADE))
  await header(socket)
  const { rest } = raw(path, lines('POST /exec/e1/resize?h=3&w=4 HTTP/1.1', 'Host: d', 'Connection: close'))
  expect(await rest).toMatch(/^HTTP\/1.1 200 /)
  expect(sizes).toEqual([[3, 4]])
  output.end()
  await text(socket)
})

test('a detached start is 200 with no length to read', async () => {
  const { rest } = raw(await withExec(async () => null), startRequest([], '{"Detach":true}'))
  expect(await rest).toMatch(/^HTTP\/1.1 200 OK\r\n.*Content-Length: 0\r\n/is)
})

test('bad JSON is refused in the decoder’s words', async () => {
  const { rest } = raw(await withExec(async () => null), startRequest(UPGRADE, '{"Detach":1}'))
  expect(await rest).toContain(
    '{"message":"json: cannot unmarshal number into Go struct field ExecStartCheck.Detach of type bool"}',
  )
})

test.each([true, false])(
  'a client that vanishes takes the stream of a silent process with it (stdin: %s)',
  async stdin => {
    const process = new PassThrough()
    const path = await withExec(async () => process, stdin)
    const socket = connect(path)
    socket.write(startRequest(UPGRADE))
    await once(socket, 'data')
    const closed = once(process, 'close')
    socket.destroy()
    await closed
  },
)

test('a client that only half-closes stays', async () => {
  const process = fakeProcess()
  const path = await withExec(async () => process.stream, false)
  const { socket, rest } = raw(path, startRequest(UPGRADE))
  await once(socket, 'readable')
  socket.end()
  // Longer than it takes to notice one that has gone.
  await sleep(1500)
  process.output.end('still here')
  expect(await rest).toMatch(/still here$/)
})

test('a slow reader holds the process back', async () => {
  const { stream, output } = fakeProcess()
  const path = await withExec(async () => stream)
  const socket = connect({ path, allowHalfOpen: true })
  socket.write(startRequest(UPGRADE))
  await header(socket)
  const block = Buffer.alloc(64 * 1024, 0x61)
  let written = 0
  while (output.write(block) || written < 8) written++
  // Buffers of streams and sockets hold a few hundred kilobytes: whatever more there was would be the daemon's memory.
  expect(written * block.length).toBeLessThan(8 * 1024 * 1024)
  output.end()
  expect((await text(socket)).length).toBe((written + 1) * block.length)
})

import { createHash } from 'node:crypto'
import { closeSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { socketPair } from '../../../src/kernel/sockets.ts'
import { syscall } from '../../../src/kernel/syscall.ts'
import { ATTACH_LIMITS, SLOT } from '../../../src/program/abi.ts'
import { prepareAttach } from '../../../src/runtime/shim/attach.ts'
import { launchShim } from '../../../src/runtime/shim/shim.ts'
import { commandProgram, launchOf, shellProgram, slot, step } from './programs.ts'
import { attachOptions, launch, newFolder, parseFrames, privateBytes, readUntil, SIGKILL } from './support.ts'

const stdinClient = attachOptions({ stdin: true })
const MEGABYTE = 1 << 20

const ended = (stream: Duplex): Promise<unknown> => new Promise(resolve => stream.resume().once('end', resolve))

describe('output', () => {
  it('is framed as Docker multiplexes it, and lacks nothing of the beginning', async () => {
    const script = 'echo one; sleep 0.05; echo two >&2; sleep 0.05; printf three'
    const { streams } = await launch(shellProgram(script), { attach: [attachOptions({ framed: true })] })
    expect(parseFrames(await buffer(streams[0]!))).toEqual([
      { stream: 1, text: 'one\n' },
      { stream: 2, text: 'two\n' },
      { stream: 1, text: 'three' },
    ])
  })

  it('goes to each client as it asked for it', async () => {
    const { streams } = await launch(shellProgram('echo out; echo err >&2'), {
      attach: [
        attachOptions({ stderr: false }),
        attachOptions({ stdout: false }),
        attachOptions({ stdout: false, framed: true }),
        attachOptions({ stdout: false, stderr: false }),
      ],
    })
    const [out, err, framed, none] = await Promise.all(streams.map(stream => text(stream)))
    expect([out, err, none]).toEqual(['out\n', 'err\n', ''])
    expect(parseFrames(Buffer.from(framed!, 'latin1'))).toEqual([{ stream: 2, text: 'err\n' }])
  })

  it('reaches clients that come while it runs, from then on', async () => {
    const { shim } = await launch(shellProgram('echo early; read line; echo "$line"; read line'), { stdin: 'open' })
    const first = await shim.attach(stdinClient)
    const second = await shim.attach(attachOptions())
    first.write('hello\n')
    expect(await readUntil(first, 'hello\n')).toMatch(/^(early\n)?hello\n$/)
    expect(await readUntil(second, 'hello\n')).toMatch(/^(early\n)?hello\n$/)
  })

  it('comes whole through a pipe that is full at the end', async () => {
    const { streams, shim } = await launch(shellProgram('head -c 5000000 /dev/zero; printf end'), {
      attach: [attachOptions()],
    })
    const output = await buffer(streams[0]!)
    expect(output.length).toBe(5_000_003)
    expect(output.toString('latin1', 5_000_000)).toBe('end')
    expect((await shim.exited).exitCode).toBe(0)
  })

  it('waits for a slow client in bounded memory, and stalls nobody for one that has gone', async () => {
    const { shim, streams } = await launch(
      shellProgram('yes 0123456789abcdef | head -c 400000000 | cat; echo done >&2'),
      {
        attach: [attachOptions({ stderr: false }), attachOptions({ stdout: false })],
      },
    )
    const [slow, witness] = streams
    await new Promise(resolve => slow!.once('readable', resolve))
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(await privateBytes(shim.started.shimPid)).toBeLessThan(MEGABYTE)
    slow!.destroy()
    expect(await text(witness!)).toBe('done\n')
    expect((await shim.exited).exitCode).toBe(0)
  })

  it('goes on whenever a client that held it up vanishes', async () => {
    const { shim } = await launch(shellProgram('exec yes'))
    // Its own end does not show whether the shim noticed: the next one must get something new, and so hold it up again.
    for (let i = 0; i < 100; i++) {
      const slow = await shim.attach(attachOptions())
      await new Promise(resolve => slow.once('readable', resolve))
      // Half of them are known to be gone in one direction before they are in both.
      if (i % 2 === 0) slow.end()
      await new Promise(resolve => setTimeout(resolve, 2))
      slow.destroy()
    }
  })

  it('is not lost to a client that is still sending when the process ends', async () => {
    const { streams } = await launch(shellProgram('sleep 0.1; head -c 300000 /dev/zero'), {
      stdin: 'open',
      attach: [stdinClient],
    })
    // More than the pipe and the sockets between here and there can hold: some of it will never be read.
    const errors: unknown[] = []
    let received = 0
    streams[0]!
      .on('error', error => errors.push(error))
      .on('data', (bytes: Buffer) => {
        received += bytes.length
      })
    streams[0]!.write(Buffer.alloc(4 * MEGABYTE))
    await new Promise(resolve => streams[0]!.once('close', resolve))
    expect({ received, ended: streams[0]!.readableEnded, errors }).toEqual({
      received: 300_000,
      ended: true,
      errors: [],
    })
  })

  it('ends for clients at the exit, though another process holds the streams', async () => {
    const folder = await newFolder()
    const log = { folder, name: 'c.log', maxBytes: null, maxFiles: 1, attributes: null }
    const fifo = join(folder, 'go')
    const { shim, streams } = await launch(
      shellProgram(`mkfifo ${fifo}; (read go < ${fifo}; echo late; echo later) & echo early`),
      { attach: [attachOptions()], log },
    )
    expect(await text(streams[0]!)).toBe('early\n')
    expect((await shim.exited).exitCode).toBe(0)
    const afterwards = await shim.attach(attachOptions())
    expect(await text(afterwards)).toBe('')
    await writeFile(fifo, 'go\n')
    const lines = async () =>
      (await readFile(join(folder, 'c.log'), 'utf8'))
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).log)
    while ((await lines()).length < 3) await new Promise(resolve => setTimeout(resolve, 5))
    expect(await lines()).toEqual(['early\n', 'late\n', 'later\n'])
  })
})

describe('a client that takes nothing', () => {
  it('keeps neither the exit from being told nor others from writing on', async () => {
    const folder = await newFolder()
    const log = { folder, name: 'c.log', maxBytes: null, maxFiles: 1, attributes: null }
    const fifo = join(folder, 'go')
    // What a socket and the shim can hold for it, then far more by a process that outlives the first.
    const script = `mkfifo ${fifo}; (read go < ${fifo}; yes x | head -c 2000000; echo; echo last) & head -c 350000 /dev/zero`
    const { shim, streams } = await launch(shellProgram(script), { attach: [attachOptions()], log })
    expect((await shim.exited).exitCode).toBe(0)
    await writeFile(fifo, 'go\n')
    while (!(await readFile(join(folder, 'c.log'), 'latin1')).includes('"last\\n"'))
      await new Promise(resolve => setTimeout(resolve, 5))
    expect((await buffer(streams[0]!)).length).toBe(350_000)
  })

  it('gets in the end what the process left in a full pipe', async () => {
    const folder = await newFolder()
    const log = { folder, name: 'c.log', maxBytes: null, maxFiles: 1, attributes: null }
    // Writes without waiting, as much as the pipe takes, until nothing has been taken for long.
    const fill = 'dd if=/dev/zero bs=4096 count=1000 oflag=nonblock 2> /dev/null'
    const script = `i=0; while [ $i -lt 40 ]; do ${fill}; sleep 0.005; i=$((i+1)); done; exit 7`
    const { shim, streams } = await launch(shellProgram(script), { attach: [attachOptions()], log })
    expect((await shim.exited).exitCode).toBe(7)
    const entries = (await readFile(join(folder, 'c.log'), 'utf8')).trimEnd().split('\n')
    const logged = entries.reduce((sum, entry) => sum + JSON.parse(entry).log.length, 0)
    expect(logged).toBeGreaterThan(300_000)
    expect((await buffer(streams[0]!)).length).toBe(logged)
  })
})

describe('input', () => {
  it('reaches the process, and ends with the client when it is to be closed once', async () => {
    const { shim, streams } = await launch(commandProgram(['/bin/cat']), { stdin: 'once', attach: [stdinClient] })
    streams[0]!.write('one\n')
    streams[0]!.end('two\n')
    expect(await text(streams[0]!)).toBe('one\ntwo\n')
    expect((await shim.exited).exitCode).toBe(0)
  })

  it('waits for a process that is still starting', async () => {
    const [hold, go] = socketPair()
    const client = prepareAttach(stdinClient)
    const { steps, slotCount } = commandProgram(['/bin/cat'])
    const byte = { kind: 'blob', bytes: new Uint8Array(1), shown: '' } as const
    const program = { slotCount, steps: [step('read', [slot(SLOT.FIRST_PASSED), byte, 1]), ...steps] }
    const runDir = await newFolder()
    const starting = launchShim(launchOf(runDir, program, { stdin: 'once', attach: [client], passedFds: [hold] }))
    client.stream.end('early\n')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(syscall('write', go, 'x', 1)).toBe(1)
    expect(await text(client.stream)).toBe('early\n')
    expect((await (await starting).exited).exitCode).toBe(0)
    closeSync(hold)
    closeSync(go)
  })

  it('is written whole before it is closed', async () => {
    const { streams } = await launch(shellProgram('sleep 0.1; md5sum; wc -c < /dev/null'), {
      stdin: 'once',
      attach: [stdinClient],
    })
    streams[0]!.end(Buffer.alloc(3 * MEGABYTE, 'x'))
    expect(await text(streams[0]!)).toBe(`${md5('x', 3 * MEGABYTE)}  -\n0\n`)
  })

  it('is closed on request, after what was sent before', async () => {
    // More than the pipe takes: the rest waits in the shim.
    const { shim, streams } = await launch(shellProgram('sleep 0.2; wc -c'), { stdin: 'open', attach: [stdinClient] })
    streams[0]!.write(Buffer.alloc(70_000))
    await new Promise(resolve => setTimeout(resolve, 50))
    shim.closeStdin()
    expect(await text(streams[0]!)).toBe('70000\n')
  })

  it('is all that a client without output stays for', async () => {
    const { shim, streams } = await launch(commandProgram(['/bin/cat']), {
      stdin: 'open',
      attach: [attachOptions({ stdin: true, stdout: false, stderr: false }), attachOptions()],
    })
    streams[0]!.end('one\n')
    expect(await text(streams[0]!)).toBe('')
    expect(await readUntil(streams[1]!, 'one\n')).toBe('one\n')
    shim.closeStdin()
    await shim.exited
  })

  it('stays open for others without that', async () => {
    const { shim, streams } = await launch(commandProgram(['/bin/cat']), { stdin: 'open', attach: [stdinClient] })
    streams[0]!.end('one\n')
    expect(await readUntil(streams[0]!, 'one\n')).toBe('one\n')
    const next = await shim.attach(stdinClient)
    next.write('two\n')
    expect(await readUntil(next, 'two\n')).toBe('two\n')
    // The first one has half-closed, and still gets all output.
    expect(await readUntil(streams[0]!, 'two\n')).toBe('two\n')
    shim.closeStdin()
    await Promise.all([ended(next), ended(streams[0]!)])
    expect((await shim.exited).exitCode).toBe(0)
  })

  it('ends too when such a client vanishes', async () => {
    const { shim, streams } = await launch(shellProgram('cat > /dev/null; exit 5'), {
      stdin: 'once',
      attach: [stdinClient],
    })
    streams[0]!.write('one\n', () => streams[0]!.destroy())
    expect((await shim.exited).exitCode).toBe(5)
  })

  it('is /dev/null unless it was asked for', async () => {
    const { streams } = await launch(shellProgram('readlink /proc/self/fd/0; cat'), { attach: [stdinClient] })
    streams[0]!.write('nobody reads this\n')
    expect(await text(streams[0]!)).toBe('/dev/null\n')
  })

  it('waits, at the client, for a process that does not read', async () => {
    const { shim, streams } = await launch(commandProgram(['/bin/sleep', '1000']), {
      stdin: 'open',
      attach: [stdinClient],
    })
    const flooded = streams[0]!
    while (flooded.write(Buffer.alloc(65536))) {}
    let drained = false
    flooded.once('drain', () => {
      drained = true
    })
    const other = await shim.attach(attachOptions())
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(drained).toBe(false)
    expect(await privateBytes(shim.started.shimPid)).toBeLessThan(MEGABYTE)
    shim.signal(SIGKILL)
    await ended(other)
  })

  it('that the process no longer takes is dropped', async () => {
    const { streams } = await launch(shellProgram('exec 0<&-; echo closed; sleep 0.2; echo end'), {
      stdin: 'open',
      attach: [stdinClient],
    })
    await readUntil(streams[0]!, 'closed\n')
    for (let i = 0; i < 40; i++) streams[0]!.write(Buffer.alloc(65536))
    expect(await text(streams[0]!)).toBe('end\n')
  })
})

describe('detach keys', () => {
  const keys = attachOptions({ stdin: true, detachKeys: Buffer.from([16, 17]) })

  it('disconnect the client and nobody else', async () => {
    const { shim, streams } = await launch(commandProgram(['/bin/cat']), { stdin: 'open', attach: [keys, stdinClient] })
    const [detaching, staying] = streams
    detaching!.write('a\x10b\n\x10')
    expect(await readUntil(detaching!, '\n')).toBe('a\x10b\n')
    detaching!.write('\x11dropped\n')
    await ended(detaching!)
    expect(await readUntil(staying!, '\n')).toBe('a\x10b\n')
    staying!.write('more\n')
    expect(await readUntil(staying!, 'more\n')).toBe('more\n')
    shim.closeStdin()
    expect((await shim.exited).exitCode).toBe(0)
  })

  it('do not close the stdin of a process that has one client only', async () => {
    const { shim, streams } = await launch(commandProgram(['/bin/cat']), { stdin: 'once', attach: [keys] })
    streams[0]!.write('\x10\x11')
    await ended(streams[0]!)
    const next = await shim.attach(stdinClient)
    next.end('still there\n')
    expect(await text(next)).toBe('still there\n')
  })
})

describe('the socket', () => {
  it('is a file of its owner alone', async () => {
    const { runDir } = await launch(commandProgram(['/bin/sleep', '1000']))
    const { mode } = await stat(join(runDir, 'shim.sock'))
    expect(mode & 0o777).toBe(0o600)
    // No abstract socket: they have no owner (CVE-2020-15257).
    expect(await readFile('/proc/net/unix', 'latin1')).not.toMatch(/@.*skiff-shim/)
  })

  it('survives whatever is sent to it', async () => {
    const { runDir, shim } = await launch(commandProgram(['/bin/cat']), { stdin: 'open' })
    const nonsense = [
      Buffer.alloc(0),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([16, 0, 0, 0, 255, 255, 255, 255]),
      Buffer.concat([Buffer.from([16, 0, 0, 0, 255, 255, 255, 255]), Buffer.alloc(500_000, 255)]),
      Buffer.from([16, 0, 0, 0, 1, 0, 0, 0, 0]),
      Buffer.from([17, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3]),
      Buffer.concat([Buffer.from([17, 0, 0, 0, 40, 0, 0, 0]), Buffer.alloc(40, 255)]),
      Buffer.from([18, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.concat([Buffer.from([16, 0, 0, 0, 0, 0, 0, 0]), Buffer.from([99, 0, 0, 0, 0, 0, 0, 0])]),
    ]
    for (const bytes of nonsense) {
      const socket = connect(join(runDir, 'shim.sock'))
      socket.on('error', () => {})
      const closed = new Promise(resolve => socket.once('close', resolve))
      socket.resume().end(bytes)
      await closed
    }
    const client = await shim.attach(stdinClient)
    client.write('alive\n')
    expect(await readUntil(client, 'alive\n')).toBe('alive\n')
  })

  it('serves many clients at once, and refuses more than it can serve', async () => {
    const { shim } = await launch(commandProgram(['/bin/cat']), { stdin: 'open' })
    const clients: Duplex[] = []
    let refused = 0
    for (let i = 0; i < ATTACH_LIMITS.MAX_CLIENTS + 10; i++) {
      await shim.attach(stdinClient).then(
        client => clients.push(client),
        () => refused++,
      )
    }
    expect(refused).toBe(11)
    const all = Promise.all(clients.map(client => readUntil(client, '\n')))
    clients[0]!.write('everybody\n')
    expect(new Set(await all)).toEqual(new Set(['everybody\n']))
    for (const client of clients) client.destroy()
    const again = await shim.attach(stdinClient)
    again.write('again\n')
    expect(await readUntil(again, 'again\n')).toBe('again\n')
    expect((await readdir(`/proc/${shim.started.shimPid}/fd`)).length).toBeLessThan(30)
  })
})

const md5 = (char: string, bytes: number): string => createHash('md5').update(char.repeat(bytes)).digest('hex')

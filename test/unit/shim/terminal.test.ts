import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { terminalProgram } from './programs.ts'
import { attachOptions, launch, newFolder, readUntil } from './support.ts'

const typing = attachOptions({ stdin: true, detachKeys: Buffer.from([16, 17]) })

describe('a terminal', () => {
  it('is the process’s own', async () => {
    const { streams } = await launch(
      terminalProgram('tty; test -t 0 && test -t 1 && test -t 2 && ps -o tpgid= -p $$'),
      {
        terminal: true,
        attach: [attachOptions()],
      },
    )
    expect(await text(streams[0]!)).toMatch(/^\/dev\/pts\/\d+\r\n *\d+\r\n$/)
  })

  it('passes input, echoes it, and turns ^C into a signal', async () => {
    const { shim, streams } = await launch(
      terminalProgram('trap "echo caught; exit 9" INT; echo ready; while :; do read line; done'),
      {
        terminal: true,
        stdin: 'open',
        attach: [typing],
      },
    )
    await readUntil(streams[0]!, 'ready\r\n')
    streams[0]!.write('hello\r')
    await readUntil(streams[0]!, 'hello\r\n')
    streams[0]!.write('\x03')
    // A signal that comes just before the shell reads is noticed only when there is something to read.
    streams[0]!.write('\r')
    expect(await readUntil(streams[0]!, 'caught\r\n')).toMatch(/^\^C(\r\n)?caught\r\n$/)
    expect((await shim.exited).exitCode).toBe(9)
  })

  it('has the size that it is given', async () => {
    const { shim, streams } = await launch(
      terminalProgram('trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.02; done'),
      {
        terminal: true,
        attach: [attachOptions()],
      },
    )
    await readUntil(streams[0]!, 'ready\r\n')
    shim.resize(33, 101)
    expect(await readUntil(streams[0]!, '\r\n')).toBe('33 101\r\n')
  })

  it('gives all that was written before the end', async () => {
    const { streams } = await launch(terminalProgram('stty -opost; seq 1 20000'), {
      terminal: true,
      attach: [attachOptions()],
    })
    const expected = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join('')
    expect(await text(streams[0]!)).toBe(expected)
  })

  it('takes no input unless it was asked for', async () => {
    const { shim, streams } = await launch(terminalProgram('echo ready; timeout 0.2 cat; echo end'), {
      terminal: true,
      attach: [typing],
    })
    streams[0]!.write('typed\r')
    expect(await text(streams[0]!)).toBe('ready\r\nend\r\n')
    await shim.exited
  })

  it('does not end with its client, nor when detached', async () => {
    const { shim, streams } = await launch(terminalProgram('echo ready; read a; echo got $a'), {
      terminal: true,
      stdin: 'once',
      attach: [typing],
    })
    await readUntil(streams[0]!, 'ready\r\n')
    streams[0]!.write('\x10\x11')
    expect(await text(streams[0]!)).toBe('')
    const next = await shim.attach(typing)
    next.end('word\r')
    expect(await text(next)).toBe('word\r\ngot word\r\n')
  })

  it('takes more input than it can hold', async () => {
    const { streams } = await launch(terminalProgram('stty raw -echo; echo ready; head -c 1000000 | wc -c'), {
      terminal: true,
      stdin: 'open',
      attach: [attachOptions({ stdin: true })],
    })
    await readUntil(streams[0]!, 'ready')
    streams[0]!.write(Buffer.alloc(1_000_000, 'x'))
    expect(await readUntil(streams[0]!, '1000000')).toContain('1000000')
  })

  it('is logged as stdout', async () => {
    const folder = await newFolder()
    const log = { folder, name: 'c.log', maxBytes: null, maxFiles: 1, attributes: null }
    const { shim } = await launch(terminalProgram('echo hi; echo err >&2'), { terminal: true, log })
    await shim.exited
    const entries = (await readFile(join(folder, 'c.log'), 'utf8'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(entries.map(({ log: line, stream }) => [line, stream])).toEqual([
      ['hi\r\n', 'stdout'],
      ['err\r\n', 'stdout'],
    ])
  })
})

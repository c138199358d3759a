import { execFile, spawn } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { LogOptions } from '../../../src/runtime/shim/types.ts'
import { startReferenceEngine } from '../../support/reference-engine.ts'
import { commandProgram, shellProgram } from './programs.ts'
import { attachOptions, launch, newFolder, outputOf, privateBytes } from './support.ts'

const logIn = (folder: string, more: Partial<LogOptions> = {}): LogOptions => ({
  folder,
  name: 'c-json.log',
  maxBytes: null,
  maxFiles: 1,
  attributes: null,
  ...more,
})

const TIME = /"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"/g
/** The log without its times, which must have the form that Docker gives them. */
const timeless = (log: string): string => log.replace(TIME, '"time":""')

interface Entry {
  log: string
  stream: string
  attrs?: Record<string, string>
  time: string
}
const parse = (log: string): Entry[] =>
  log
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

/**
 * What hurts a log: every byte, UTF-8 that is broken in all ways and cut by the end of a line, what HTML and JavaScript
 * fear, lines around 16 KiB, empty lines, carriage returns, an end without a newline.
 */
const AWKWARD = String.raw`
awk 'BEGIN { for (i = 0; i < 256; i++) if (i != 10) printf "%c", i; print "" }' | LC_ALL=C cat
printf 'tab\there "quoted" back\\slash <b>&amp;</b>\r\n\n\n'
printf '\342\200\250 \342\200\251 \303\251 \360\237\230\200 \355\240\200 \300\257 \364\220\200\200 \360\237\230\n'
for n in 16382 16383 16384 16385 32768 40000; do head -c $n /dev/zero | tr '\0' x; echo; done
head -c 16383 /dev/zero | tr '\0' y; printf '\303\251\n'
head -c 20000 /dev/zero; echo
printf 'no newline at the end'
`

describe('the log', () => {
  it('is byte for byte what Docker writes, but for its times', async () => {
    const docker = await startReferenceEngine()
    const run = promisify(execFile)
    const [command, ...args] = docker.command
    const fixture = '/var/tmp/skiff-fixtures/busybox.tar'
    await run(command!, [...args, 'import', fixture, 'busybox'])
    // Both shells run the same script in busybox, so that printf and awk are the same too.
    await run(command!, [...args, 'run', '--name', 'awkward', 'busybox', '/bin/sh', '-c', AWKWARD])
    const { stdout } = await run(command!, [...args, 'inspect', '-f', '{{.LogPath}}', 'awkward'])
    const expected = await readFile(stdout.trim(), 'utf8')

    const folder = await newFolder()
    const root = await newFolder()
    await run('tar', ['-xf', fixture, '-C', root])
    await mkdir(join(root, 'dev'), { recursive: true })
    await writeFile(join(root, 'dev/zero'), Buffer.alloc(1 << 16))
    const { shim } = await launch(commandProgram(['/usr/sbin/chroot', root, '/bin/sh', '-c', AWKWARD]), {
      log: logIn(folder),
    })
    await shim.exited
    const actual = await readFile(join(folder, 'c-json.log'), 'utf8')
    expect(expected.length).toBeGreaterThan(100_000)
    expect(timeless(actual)).toBe(timeless(expected))
    expect(timeless(actual).match(/"time":""/g)).toHaveLength(actual.split('\n').length - 1)
  })

  it('tells the streams apart and carries attributes as Go writes a map', async () => {
    const folder = await newFolder()
    const { shim } = await launch(shellProgram('echo out; sleep 0.05; echo err >&2'), {
      log: logIn(folder, { attributes: { tag: '<x>', env: 'é"\u2028', a: '' } }),
    })
    await shim.exited
    const attrs = String.raw`"attrs":{"a":"","env":"é\"\u2028","tag":"\u003cx\u003e"}`
    expect(timeless(await readFile(join(folder, 'c-json.log'), 'utf8'))).toBe(
      `{"log":"out\\n","stream":"stdout",${attrs},"time":""}\n{"log":"err\\n","stream":"stderr",${attrs},"time":""}\n`,
    )
    expect((await stat(join(folder, 'c-json.log'))).mode & 0o777).toBe(0o640)
  })

  it('is complete when the exit is told', async () => {
    const folder = await newFolder()
    const { shim } = await launch(shellProgram('seq 1 30000'), { log: logIn(folder) })
    await shim.exited
    const lines = parse(await readFile(join(folder, 'c-json.log'), 'utf8')).map(entry => entry.log)
    expect(lines).toEqual(Array.from({ length: 30_000 }, (_, i) => `${i + 1}\n`))
  })

  it('is rotated by size: whole entries, none lost, the oldest go', async () => {
    const folder = await newFolder()
    const { shim } = await launch(shellProgram('seq 1 3000'), { log: logIn(folder, { maxBytes: 10_000, maxFiles: 4 }) })
    await shim.exited
    const names = ['c-json.log.3', 'c-json.log.2', 'c-json.log.1', 'c-json.log']
    expect((await readdir(folder)).sort()).toEqual([...names].sort())
    const files = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')))
    // As with Docker, the entry that crosses the limit is the file's last.
    for (const file of files.slice(0, 3)) {
      expect(file.length).toBeGreaterThanOrEqual(10_000)
      expect(file.lastIndexOf('\n', file.length - 2)).toBeLessThan(10_000)
    }
    const numbers = parse(files.join('')).map(entry => Number(entry.log))
    expect(numbers.at(-1)).toBe(3000)
    expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i))
  })

  it('is appended to by the next run', async () => {
    const folder = await newFolder()
    for (const word of ['first', 'second']) {
      const { shim } = await launch(shellProgram(`echo ${word}`), { log: logIn(folder) })
      await shim.exited
    }
    expect(parse(await readFile(join(folder, 'c-json.log'), 'utf8')).map(entry => entry.log)).toEqual([
      'first\n',
      'second\n',
    ])
  })

  it('is not kept unless it was asked for', async () => {
    const folder = await newFolder()
    expect((await outputOf(shellProgram('echo hi'), { runDir: folder })).output).toBe('hi\n')
    expect((await readdir(folder)).sort()).toEqual(['exit.json', 'shim.sock', 'started.json'])
  })

  it('on a full disk loses whole entries and says how many; the process goes on', async () => {
    // A mount namespace with a small tmpfs: nothing on this machine is filled.
    const script = fileURLToPath(new URL('full-disk.mjs', import.meta.url))
    const child = spawn('unshare', ['-m', process.execPath, script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const output = JSON.parse(await text(child.stdout))
    expect(output.exitCode).toBe(0)
    expect(output.seen).toBe(20_000)
    expect(output.lost).toBeGreaterThan(0)
    expect(output.kept + output.lost).toBe(20_000)
    expect(output.recordLost).toBe(output.lost)
    // An exit that no file can tell is kept until a daemon asks for it.
    expect(output.unrecorded).toEqual({
      kind: 'running',
      exitCode: 137,
      files: ['filler', 'shim.sock', 'started.json'],
    })
  })

  it('of a torrent costs bounded memory and loses nothing', async () => {
    const folder = await newFolder()
    const { shim, streams } = await launch(
      shellProgram('yes 0123456789abcdef0123456789abcdef | head -n 1000000; sleep 0.1'),
      {
        log: logIn(folder, { maxBytes: 20_000_000, maxFiles: 20 }),
        attach: [attachOptions()],
      },
    )
    let received = 0
    streams[0]!.on('data', (bytes: Buffer) => {
      received += bytes.length
    })
    const peaks: number[] = []
    const watch = setInterval(
      () =>
        privateBytes(shim.started.shimPid).then(
          bytes => peaks.push(bytes),
          () => {},
        ),
      20,
    )
    const exit = await shim.exited
    clearInterval(watch)
    expect(peaks.length).toBeGreaterThan(0)
    expect(Math.max(...peaks)).toBeLessThan(1 << 20)
    expect(exit).toMatchObject({ exitCode: 0, logEntriesLost: 0 })
    let entries = 0
    for (const name of (await readdir(folder)).filter(file => file.startsWith('c-json.log'))) {
      entries += (await readFile(join(folder, name), 'latin1')).split('\n').length - 1
    }
    expect(entries).toBe(1_000_000)
    await new Promise(resolve => (streams[0]!.readableEnded ? resolve(null) : streams[0]!.once('end', resolve)))
    expect(received).toBe(33_000_000)
  })
})

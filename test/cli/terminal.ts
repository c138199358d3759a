/** skiff on a terminal, under Node or by the launcher: raw mode, window size, detach keys, signals; and the terminal afterwards. */

import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { cli, cliOk, open, openCommand } from '../support/cli.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'

const ESC = '\x1b'
const CTRL_C = '\x03'
const CTRL_D = '\x04'
const DETACH = '\x10\x11'

/** Declares the tests, on the engine that `start` answers. */
export function testTerminal(start: () => Promise<Engine>): void {
  let engine: Engine

  beforeAll(async () => {
    engine = await start()
    await importBusybox(engine)
  })

  const tty = { tty: { rows: 31, columns: 97 } }

  test('run -it gives a shell with the size of the terminal, and follows it', async () => {
    const session = open(engine, ['run', '--rm', '-it', 'busybox', 'sh'], tty)
    await session.until('# ')
    session.write('stty size\n')
    await session.until('31 97')
    session.write(`trap 'stty size' WINCH\n`)
    session.resize(40, 120)
    session.write('sleep 1; stty size\n')
    await session.until('40 120')
    session.write('exit 5\n')
    expect((await session.result).code).toBe(5)
  })

  test('the terminal is raw: ctrl-c goes to the process, ctrl-d ends the shell', async () => {
    const session = open(engine, ['run', '--rm', '-it', 'busybox', 'sh'], tty)
    await session.until('# ')
    // What is typed is echoed before it runs: only the process itself can say that it is there to be interrupted.
    session.write(`sh -c 'echo run''ning; exec sleep 1000'\n`)
    await session.until('running\r\n')
    session.write(CTRL_C)
    // A terminal forgets what was typed after it until the shell reads again.
    await session.until(/running\r\n[\s\S]*# /)
    session.write('echo $((40 + 2))\n')
    await session.until(/42\r\n[\s\S]*# /)
    session.write(CTRL_D)
    // 130 from the interrupted sleep, or 0: what matters is that it is the shell that ended.
    expect((await session.result).stdout).toContain('42')
  })

  test('ctrl-p ctrl-q leaves the container running; attach takes it up again', async () => {
    const session = open(engine, ['run', '-it', '--name', 'left', 'busybox', 'sh'], tty)
    await session.until('# ')
    session.write(`x=kept${DETACH}`)
    expect((await session.result).code).toBe(0)
    expect(await cliOk(engine, ['inspect', '-f', '{{.State.Running}}', 'left'])).toBe('true')
    const again = open(engine, ['attach', 'left'], tty)
    again.write('\necho $x-$x\n')
    await again.until('kept-kept')
    again.write(DETACH)
    expect(await again.result).toMatchObject({ code: 1, stdout: expect.stringContaining('read escape sequence') })
    const last = open(engine, ['attach', 'left'], tty)
    // Drawn again although nothing was typed: the size was changed for it.
    await last.until('# ')
    last.write('exit 3\n')
    expect((await last.result).code).toBe(3)
  })

  test('--detach-keys sets other keys, and ctrl-p alone reaches the process', async () => {
    const session = open(
      engine,
      ['run', '-it', '--rm', '--name', 'keys', '--detach-keys', 'ctrl-a,x', 'busybox', 'cat', '-v'],
      tty,
    )
    session.write('a\n')
    await session.until('a\r\na\r\n')
    session.write('\x10\n')
    await session.until('^P')
    session.write('\x01x')
    await session.result
    await cliOk(engine, ['rm', '-f', 'keys'])
  })

  test('stats empties the screen once, then writes over its table', async () => {
    await cliOk(engine, ['run', '-d', '--name', 'measured', 'busybox', 'sleep', '1000'])
    const session = open(engine, ['stats', 'measured'], tty)
    const line = `[^${ESC}]*${ESC}\\[K\r\n`
    await session.until(
      new RegExp(`^${ESC}\\[2J${ESC}\\[HCONTAINER ID${line}.* measured ${line}${ESC}\\[J${ESC}\\[HCONTAINER ID`),
    )
    await cliOk(engine, ['rm', '-f', 'measured'])
    expect((await session.result).stdout.split(`${ESC}[2J`).length).toBe(2)
  })

  test('exec -it has a terminal of its own', async () => {
    await cliOk(engine, ['run', '-d', '--name', 'host', 'busybox', 'sleep', '1000'])
    const session = open(engine, ['exec', '-it', 'host', 'sh'], tty)
    await session.until('# ')
    session.write('stty size; tty; exit 4\n')
    await session.until('31 97')
    expect((await session.result).code).toBe(4)
    await cliOk(engine, ['rm', '-f', 'host'])
  })

  test('start -ai talks to a container that was created with a terminal', async () => {
    await cliOk(engine, ['create', '-it', '--name', 'later', 'busybox', 'sh'])
    const session = open(engine, ['start', '-ai', 'later'], tty)
    await session.until('# ')
    session.write('stty size; exit 6\n')
    await session.until('31 97')
    expect((await session.result).code).toBe(6)
  })

  describe('the terminal is as before', () => {
    const settings = (words: readonly string[]) =>
      openCommand(
        ['sh', '-c', `stty -a; echo; echo ======; "$@"; echo ======; stty -a`, 'sh', ...engine.command, ...words],
        { tty: true },
      )
    const around = (output: string) => {
      const parts = output.split('======').map(part => part.trim())
      return { before: parts[0], after: parts.at(-1) }
    }

    test.each([
      ['after the process ends', ['run', '--rm', '-it', 'busybox', 'true']],
      ['after a command that does not exist', ['run', '--rm', '-it', 'busybox', 'nope']],
      ['after an error of the daemon', ['run', '--rm', '-it', '--network', 'nope', 'busybox', 'true']],
    ])('%s', async (_when, words) => {
      const { before, after } = around((await settings(words).result).stdout)
      expect(after).toBe(before)
    })

    test('after detaching', async () => {
      const session = settings(['run', '-it', '--name', 'settings', 'busybox', 'sh'])
      await session.until('# ')
      session.write(DETACH)
      const { before, after } = around((await session.result).stdout)
      expect(after).toBe(before)
      await cliOk(engine, ['rm', '-f', 'settings'])
    })
  })

  describe('signals', () => {
    const trapping =
      'trap "echo got TERM; exit 9" TERM; trap "echo got USR1" USR1; echo ready; while :; do sleep 0.1; done'

    test('are passed on to the process', async () => {
      const session = open(engine, ['run', '--rm', 'busybox', 'sh', '-c', trapping])
      await session.until('ready')
      session.kill('SIGUSR1')
      await session.until('got USR1')
      session.kill('SIGTERM')
      const { code, stdout } = await session.result
      expect(stdout).toContain('got TERM')
      expect(code).toBe(9)
    })

    test('--sig-proxy=false keeps them', async () => {
      const session = open(engine, ['run', '--name', 'kept', '--sig-proxy=false', 'busybox', 'sh', '-c', trapping])
      await session.until('ready')
      session.kill('SIGTERM')
      expect((await session.result).code).toBe(143)
      expect(await cliOk(engine, ['inspect', '-f', '{{.State.Running}}', 'kept'])).toBe('true')
      await cliOk(engine, ['rm', '-f', 'kept'])
    })

    test('end attach without ending the container where they are not passed on', async () => {
      await cliOk(engine, ['run', '-d', '--name', 'attached', 'busybox', 'sh', '-c', `sleep 0.5; ${trapping}`])
      const session = open(engine, ['attach', '--sig-proxy=false', 'attached'])
      await session.until('ready')
      session.kill('SIGINT')
      expect((await session.result).code).toBe(130)
      expect(await cliOk(engine, ['inspect', '-f', '{{.State.Running}}', 'attached'])).toBe('true')
      await cliOk(engine, ['rm', '-f', 'attached'])
    })
  })

  test('a reader that goes away ends the command', async () => {
    const { code } = await openCommand([
      'sh',
      '-c',
      `"$@" | head -n 1`,
      'sh',
      ...engine.command,
      'run',
      '--rm',
      'busybox',
      'yes',
    ]).result
    expect(code).toBe(0)
  })

  test('a slow reader loses nothing', async () => {
    const words = ['run', '--rm', 'busybox', 'sh', '-c', 'seq 1 200000']
    const command = ['sh', '-c', `"$@" | { sleep 1; md5sum; }`, 'sh', ...engine.command, ...words]
    const { stdout } = await openCommand(command).result
    const { stdout: expected } = await openCommand(['sh', '-c', 'seq 1 200000 | md5sum']).result
    expect(stdout).toBe(expected)
  })

  test('nor does one that finds the pipe full when the command has ended', async () => {
    const words = ['run', '--rm', 'busybox', 'sh', '-c', 'head -c 65536 /dev/zero; sleep 0.3; echo end']
    const command = ['sh', '-c', `"$@" | { sleep 3; wc -c; }`, 'sh', ...engine.command, ...words]
    expect((await openCommand(command).result).stdout.trim()).toBe(String(65536 + 4))
  })

  test('--cidfile has the id; a second run with it is refused', async () => {
    const file = `${engine.folder}/cid`
    const { stdout } = await cli(engine, ['run', '-d', '--cidfile', file, 'busybox', 'true'])
    expect(await readFile(file, 'utf8')).toBe(stdout.trim())
    const { code, stderr } = await cli(engine, ['run', '--cidfile', file, 'busybox', 'true'])
    expect(code).toBe(125)
    expect(stderr).toContain('container ID file found')
  })

  test('several attached see the same', async () => {
    await cliOk(engine, ['run', '-dit', '--name', 'shared', 'busybox', 'sh'])
    const [one, two] = [open(engine, ['attach', 'shared'], tty), open(engine, ['attach', 'shared'], tty)]
    one.write('\n')
    await one.until('# ')
    await two.until('# ')
    one.write('echo a$((1 + 1))c\n')
    await one.until('a2c')
    await two.until('a2c')
    two.write('exit\n')
    expect((await one.result).code).toBe(0)
    expect((await two.result).code).toBe(0)
  })
}

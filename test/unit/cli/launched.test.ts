/** Frames and the hello of launchers. */

import { expect, test } from 'vitest'
import { FRAME, FrameReader } from '../../../src/cli/launched/frames.ts'
import { ownSurroundings, parseHello, sameSurroundings } from '../../../src/cli/launched/hello.ts'

const frame = (type: number, payload: string) =>
  Buffer.concat([Buffer.from(new Uint32Array([type, Buffer.byteLength(payload)]).buffer), Buffer.from(payload)])

test.each([1, 2, 7, 8, 9, 1000])('frames come whole out of pieces of %i bytes', size => {
  const bytes = Buffer.concat([
    frame(FRAME.STDIN, 'hello'),
    frame(FRAME.STDIN, ''),
    frame(FRAME.SIGNAL, 'x'.repeat(300)),
  ])
  const reader = new FrameReader()
  const frames = []
  for (let at = 0; at < bytes.length; at += size) frames.push(...reader.take(bytes.subarray(at, at + size), 1000))
  expect(frames.map(({ type, payload }) => [type, payload.toString()])).toEqual([
    [FRAME.STDIN, 'hello'],
    [FRAME.STDIN, ''],
    [FRAME.SIGNAL, 'x'.repeat(300)],
  ])
})

test('a frame that is too large is refused before it is here', () => {
  expect(() => new FrameReader().take(frame(FRAME.HELLO, 'x'.repeat(20)).subarray(0, 8), 10)).toThrow('20 bytes')
})

const facts = ['1:2:3', '4:5:6', 'mnt:[1]', 'user:[2]', 'net:[3]', 'pid:[4]', '18', '5', '24', '80', '/root']

test('a hello is read field by field', () => {
  const hello = parseHello(Buffer.from([...facts, '2', 'run', '', 'A=b=c', 'A=second', '=odd', 'E=', ''].join('\0')))
  expect(hello).toMatchObject({
    surroundings: {
      build: '1:2:3',
      root: '4:5:6',
      namespaces: ['mnt:[1]', 'user:[2]', 'net:[3]', 'pid:[4]'],
      umask: 18,
    },
    isTerminal: { stdin: true, stdout: false, stderr: true },
    window: { rows: 24, columns: 80 },
    cwd: '/root',
    argv: ['run', ''],
    env: { A: 'b=c', E: '' },
  })
})

test.each([[facts.slice(0, 5)], [[...facts.slice(0, 6), 'x', ...facts.slice(7), '0']], [[...facts, '3', 'run']]])(
  'a hello that is cut off or wrong is refused: %j',
  texts => {
    expect(() => parseHello(Buffer.from(texts.join('\0')))).toThrow('the launcher')
  },
)

test('who lives elsewhere is told apart; a changed root folder is the same', () => {
  const own = ownSurroundings(0o22)
  expect(sameSurroundings(own, ownSurroundings(0o22))).toBe(true)
  expect(sameSurroundings(own, { ...own, root: own.root.replace(/:\d+$/, ':0') })).toBe(true)
  expect(sameSurroundings(own, { ...own, root: '1:1:1' })).toBe(false)
  expect(sameSurroundings(own, { ...own, umask: 0o77 })).toBe(false)
  expect(sameSurroundings(own, { ...own, build: '0:0:0' })).toBe(false)
  for (let i = 0; i < 4; i++)
    expect(sameSurroundings(own, { ...own, namespaces: own.namespaces.with(i, 'other:[1]') })).toBe(false)
})

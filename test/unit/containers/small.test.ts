/** Signals, detach keys, queues, ps. */

import { describe, expect, it, test } from 'vitest'
import { parseDetachKeys } from '../../../src/containers/detach-keys.ts'
import { Queue } from '../../../src/containers/queue.ts'
import { signalNumber } from '../../../src/containers/signals.ts'
import { chooseLimits } from '../../../src/containers/spec/limits.ts'
import { selectProcesses } from '../../../src/containers/top.ts'

describe('signals', () => {
  test.each([
    ['SIGTERM', 15],
    ['term', 15],
    ['9', 9],
    ['KILL', 9],
    ['SIGRTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
  ])('%s is %d', (name, number) => expect(signalNumber(name)).toBe(number))
  test.each(['0', '99', 'FOO', '', '-1', 'RTMAX+1'])('%s is refused', name =>
    expect(() => signalNumber(name)).toThrow(`Invalid signal: ${name}`),
  )
})

describe('detach keys', () => {
  it('are letters and control characters', () => {
    expect([...parseDetachKeys('ctrl-p,ctrl-q')]).toEqual([16, 17])
    expect([...parseDetachKeys('a,ctrl-@,ctrl-[')]).toEqual([97, 0, 27])
    expect([...parseDetachKeys('')]).toEqual([])
  })
  test.each(['ctrl-', 'ab', 'ctrl-P', 'a,,b'])('%s is refused', keys =>
    expect(() => parseDetachKeys(keys)).toThrow('Invalid detach keys'),
  )
})

describe('a queue', () => {
  it('does one thing after the other, also after a failure', async () => {
    const queue = new Queue()
    const order: string[] = []
    const job = (name: string) => async () => {
      order.push(`${name} begins`)
      await Promise.resolve()
      order.push(`${name} ends`)
    }
    const failing = queue.run(async () => {
      await job('first')()
      throw new Error('no')
    })
    const second = queue.run(job('second'))
    await expect(failing).rejects.toThrow('no')
    await second
    expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends'])
  })
})

describe('top', () => {
  const output = `UID          PID    PPID  C STIME TTY          TIME CMD
root          12       1  0 09:31 ?        00:00:00 sleep 1000
root          13       1  0 09:31 ?        00:00:01 sh -c a  b
`
  it('keeps the lines of the container’s processes, with spaces in the last column', () =>
    expect(selectProcesses(output, new Set([13]))).toEqual({
      titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
      processes: [['root', '13', '1', '0', '09:31', '?', '00:00:01', 'sh -c a b']],
    }))
  it('needs a column PID', () =>
    expect(() => selectProcesses('COMMAND\nps\n', new Set())).toThrow("Couldn't find PID field in ps output"))
})

describe('ulimits', () => {
  it('of the user take the place of the daemon’s', () => {
    const { rlimits } = chooseLimits(
      [{ name: 'nofile', soft: 5, hard: 6 }],
      [
        { name: 'nofile', soft: 1, hard: 1 },
        { name: 'core', soft: 0, hard: 0 },
      ],
    )
    expect(rlimits).toEqual([
      { type: 'RLIMIT_CORE', soft: 0, hard: 0, required: false },
      { type: 'RLIMIT_NOFILE', soft: 5, hard: 6, required: true },
    ])
  })
})

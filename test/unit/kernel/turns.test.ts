import { setImmediate as nextRound } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Turns } from '../../../src/kernel/turns.ts'

test('who comes first goes on at once; of those who come meanwhile one in each round of the loop, in their order', async () => {
  const turns = new Turns()
  const order: string[] = []
  const piece = async (name: string) => {
    await turns.next()
    order.push(name)
  }
  const all = [piece('a'), piece('b'), piece('c')]
  await Promise.resolve()
  await Promise.resolve()
  expect(order).toEqual(['a'])
  const rounds: number[] = []
  while (order.length < 3) {
    await nextRound()
    rounds.push(order.length)
  }
  expect(order).toEqual(['a', 'b', 'c'])
  // Two never went on between two rounds.
  expect(Math.max(...rounds.map((count, i) => count - (rounds[i - 1] ?? 1)))).toBe(1)
  await Promise.all(all)
})

test('between two turns whatever else is due is done: a timer does not wait for the last of a hundred', async () => {
  const turns = new Turns()
  let done = 0
  let doneAtTimer = -1
  const pieces = Array.from({ length: 100 }, async () => {
    await turns.next()
    const until = performance.now() + 2
    while (performance.now() < until) {
      // Work.
    }
    done++
  })
  setTimeout(() => {
    doneAtTimer = done
  }, 1)
  await Promise.all(pieces)
  expect(doneAtTimer).toBeGreaterThanOrEqual(0)
  expect(doneAtTimer).toBeLessThan(100)
})

test('a free turn is taken at once again after a round without anybody', async () => {
  const turns = new Turns()
  await turns.next()
  await nextRound()
  await nextRound()
  let went = false
  void turns.next().then(() => {
    went = true
  })
  await Promise.resolve()
  expect(went).toBe(true)
})

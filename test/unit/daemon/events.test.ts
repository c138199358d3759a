/** The event log: what is remembered, who hears what, and what becomes of readers that are too slow. */

import { describe, expect, it } from 'vitest'
import type { SkiffEvent } from '../../../src/containers/types.ts'
import { EventLog } from '../../../src/system/event-log.ts'

const draft = (action: string, own: Partial<SkiffEvent> = {}) => ({
  type: 'container' as const,
  action,
  actorId: 'abc',
  attributes: { name: 'web', image: 'nginx:1', tier: 'front' },
  ...own,
})

const none = { sinceNs: null, untilNs: null, filters: {} }
const PAST = 1n

async function actions(stream: AsyncIterable<SkiffEvent>): Promise<string[]> {
  const found: string[] = []
  for await (const { action } of stream) found.push(action)
  return found
}

describe('the past', () => {
  it('is told when it is asked for, and has 256 events at the most', async () => {
    const log = new EventLog()
    for (let index = 0; index < 300; index++) log.emit(draft(`n${index}`))
    const past = await actions(
      log.stream({ ...none, sinceNs: PAST, untilNs: 10n ** 19n / 2n - 1n }, AbortSignal.abort()),
    )
    expect(past).toHaveLength(256)
    expect(past.at(0)).toBe('n44')
    expect(await actions(log.stream(none, AbortSignal.abort()))).toEqual([])
  })

  it('lies between since and until', async () => {
    const log = new EventLog()
    for (const timeNs of [10n, 20n, 30n]) log.emit(draft(`at ${timeNs}`, { timeNs }))
    const signal = new AbortController().signal
    expect(await actions(log.stream({ ...none, sinceNs: 15n, untilNs: 25n }, signal))).toEqual(['at 20'])
  })
})

describe('the present', () => {
  it('is heard from the call on, not from the first reading', async () => {
    const log = new EventLog()
    const end = new AbortController()
    const stream = log.stream(none, end.signal)
    log.emit(draft('start'))
    end.abort()
    log.emit(draft('too late'))
    expect(await actions(stream)).toEqual(['start'])
    expect(log.listeners).toBe(0)
  })

  it('drops a reader that does not read', async () => {
    const log = new EventLog()
    const stream = log.stream(none, new AbortController().signal)
    for (let index = 0; index < 20_000; index++) log.emit(draft('x'))
    expect(log.listeners).toBe(0)
    await expect(actions(stream)).rejects.toThrow('events came faster than they were read')
  })

  it('forgets a reader that has had enough', async () => {
    const log = new EventLog()
    log.emit(draft('a'))
    for await (const event of log.stream({ ...none, sinceNs: PAST }, new AbortController().signal)) {
      expect(event.action).toBe('a')
      break
    }
    expect(log.listeners).toBe(0)
  })
})

describe('filters', () => {
  const kept = async (filters: Record<string, string[]>): Promise<string[]> => {
    const log = new EventLog()
    log.emit(draft('start'))
    log.emit(draft('exec_start: sh -c ls'))
    log.emit(draft('pull', { type: 'image', actorId: 'nginx:1', attributes: { name: 'nginx' } }))
    log.emit(draft('create', { type: 'volume', actorId: 'data', attributes: {} }))
    return actions(log.stream({ sinceNs: PAST, untilNs: null, filters }, AbortSignal.abort()))
  }
  it.each([
    [{ type: ['image', 'volume'] }, ['pull', 'create']],
    [{ event: ['exec_start'] }, ['exec_start: sh -c ls']],
    [{ container: ['web'], event: ['start'] }, ['start']],
    [{ container: ['ab'] }, ['start', 'exec_start: sh -c ls']],
    [{ image: ['nginx'] }, ['start', 'exec_start: sh -c ls', 'pull']],
    [{ label: ['tier=front'], event: ['start'] }, ['start']],
    [{ label: ['tier=back'] }, []],
    [{ volume: ['data'] }, ['create']],
    [{ nonsense: ['x'] }, []],
  ])('%j', async (filters, expected) =>
    expect(await kept(filters as unknown as Record<string, string[]>)).toEqual(expected),
  )
})

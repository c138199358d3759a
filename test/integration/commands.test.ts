/** Commands of a container's life beside the reference engine: what they print and which events they leave. */

import { beforeAll, expect, test } from 'vitest'
import { exec, start } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let engines: Engine[]
beforeAll(async () => {
  engines = await Promise.all([startDaemon(), startReferenceEngine()])
  await Promise.all(engines.map(engine => importBusybox(engine)))
})

const both = <T>(ask: (engine: Engine) => Promise<T>): Promise<T[]> => Promise.all(engines.map(ask))
const sleeping = { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } }

test('commit: its events, the pause among them', async () => {
  const [ours, theirs] = await both(async engine => {
    const id = await start(engine, { ...sleeping, Labels: { a: 'b' } }, 'committed')
    await engine.api.post('/commit', {}, { container: id, repo: 'made', tag: 'x', comment: 'note' })
    await engine.api.post('/commit', {}, { container: id, pause: 'false' })
    await engine.api.delete(`/containers/${id}`, { force: true })
    const text: string = await (
      await engine.api.request('GET', '/events', { query: { since: 1, until: Math.ceil(Date.now() / 1000) + 1 } })
    ).text
    const events = text
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(({ Actor }) => Actor.ID === id || Actor.Attributes.name === 'made:x')
      .filter(({ Action }) => ['pause', 'unpause', 'commit', 'tag'].includes(Action))
    return events.map(({ Type, Action, Actor }) => ({
      Type,
      Action,
      Attributes: { ...Actor.Attributes, ...(Actor.Attributes.imageID && { imageID: 'sha256' }) },
    }))
  })
  const order = (events: typeof ours = []) =>
    events.map(({ Type, Action, Attributes }) => `${Type} ${Action} ${Object.entries(Attributes).sort().join()}`).sort()
  expect(order(ours)).toContainEqual(expect.stringContaining('imageRef,made:x'))
  expect(order(ours)).toEqual(order(theirs))
})

test('exec as a user who does not exist', async () => {
  const [ours, theirs] = await both(async engine => {
    const id = await start(engine, sleeping, 'unknown-user')
    const { stdout, stderr, exitCode } = await exec(engine, id, ['true'], { User: 'nope' })
    await engine.api.delete(`/containers/${id}`, { force: true })
    return { output: stdout + stderr, exitCode }
  })
  expect(ours).toEqual(theirs)
  expect(ours).toMatchObject({ exitCode: 126 })
})

test('ps: ports by the host’s number, and a filter that is Windows’', async () => {
  const listed = async (engine: Engine, filters: object): Promise<string[]> =>
    (await engine.api.get('/containers/json', { filters })).map(({ Names }: { Names: string[] }) => Names[0])
  const [ours, theirs] = await both(async engine => {
    const host = { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } }
    const id = await start(engine, { ...sleeping, ExposedPorts: { '80/tcp': {} }, HostConfig: host }, 'published')
    const { NetworkSettings } = await engine.api.get(`/containers/${id}/json`)
    const port = NetworkSettings.Ports['80/tcp'][0].HostPort
    const found = [
      await listed(engine, { publish: [port] }),
      await listed(engine, { publish: ['80'] }),
      await listed(engine, { publish: [`${port}/udp`] }),
      await listed(engine, { expose: ['80'] }),
      await listed(engine, { isolation: ['hyperv'] }),
    ]
    await engine.api.delete(`/containers/${id}`, { force: true })
    return found
  })
  expect(ours).toEqual(theirs)
  expect(ours?.slice(0, 2)).toEqual([['/published'], []])
})

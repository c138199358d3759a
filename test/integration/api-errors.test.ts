/**
 * What goes wrong, told as the reference engine tells it: the same words, and the same status unless that is 500, which Docker's
 * later versions and skiff keep for what is their own fault.
 */

import { beforeAll, expect, test } from 'vitest'
import { type Answer, EngineApi } from '../support/client.ts'
import { normalise } from '../support/compare.ts'
import { start } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let engines: Engine[]

beforeAll(async () => {
  engines = await Promise.all([startDaemon(), startReferenceEngine()])
  await Promise.all(
    engines.map(async engine => {
      await importBusybox(engine)
      const HostConfig = { NetworkMode: 'none' }
      await start(engine, { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig }, 'running')
      await engine.api.post('/containers/create', { Image: 'busybox', HostConfig }, { name: 'created' })
    }),
  )
})

const headers = { 'Content-Type': 'application/json' }

async function ask(
  engine: Engine,
  method: string,
  path: string,
  body?: object,
): Promise<Pick<Answer, 'status'> & { message: string }> {
  const options = body === undefined ? {} : { body: JSON.stringify(body), headers }
  const { status, json, text } = await engine.api.request(method, path, options)
  return normalise({ status, message: json?.message ?? text.trimEnd() }, engine)
}

type Case = [method: string, path: string, body?: object]

const SAME: Case[] = [
  ['GET', '/nope'],
  ['POST', '/containers/create?name=created', { Image: 'busybox' }],
  ['POST', '/containers/create?name=-bad', { Image: 'busybox' }],
  ['POST', '/containers/create', { Image: 'nosuch' }],
  ['POST', '/containers/create', {}],
  ['POST', '/containers/create?platform=linux/arm64', { Image: 'busybox' }],
  ['POST', '/containers/create?platform=foo/bar/x/y', { Image: 'busybox' }],
  ['POST', '/containers/create?platform=foo', { Image: 'busybox' }],
  ['POST', '/containers/create?platform=linux/', { Image: 'busybox' }],
  ['POST', '/containers/create?platform=windows/amd64', { Image: 'busybox' }],
  ['POST', '/containers/running/attach?stream=1&stdout=1&detachKeys=foo'],
  ['POST', '/containers/running/attach?stream=1&stdin=1&detachKeys=ctrl-1'],
  ['POST', '/containers/running/exec', { Cmd: ['true'], AttachStdout: true, DetachKeys: 'foo' }],
  ['DELETE', '/containers/running?link=1'],
  ['DELETE', '/containers/nosuch?link=1'],
  ['DELETE', '/containers/running/alias?link=1'],
  ['DELETE', '/containers/nosuch/alias?link=1'],
  ['POST', '/volumes/create', { Name: 'named', DriverOpts: { foo: 'bar' } }],
  ['POST', '/volumes/create', { Name: 'named', DriverOpts: { type: 'tmpfs' } }],
  ['POST', '/images/create?fromImage=x&tag=5000/team/tool'],
  ['POST', '/images/create?fromImage=x&tag=-a'],
  ['GET', '/containers/json?filters={"health":["foo"]}'],
  ['POST', '/containers/running/start'],
  ['POST', '/containers/nosuch/start'],
  ['POST', '/containers/running/start', { Binds: ['/a:/b'] }],
  ['POST', '/containers/nosuch/stop'],
  ['POST', '/containers/created/stop'],
  ['POST', '/containers/running/stop?t=x'],
  ['POST', '/containers/running/kill?signal=NOPE'],
  ['POST', '/containers/running/kill?signal=0'],
  ['POST', '/containers/created/kill'],
  ['POST', '/containers/created/pause'],
  ['POST', '/containers/running/unpause'],
  ['POST', '/containers/running/rename'],
  ['POST', '/containers/running/rename?name=created'],
  ['POST', '/containers/running/rename?name=running'],
  ['POST', '/containers/nosuch/rename?name=a'],
  ['POST', '/containers/running/resize?h=x&w=1'],
  ['POST', '/containers/created/resize?h=1&w=1'],
  ['POST', '/containers/nosuch/wait'],
  ['POST', '/containers/running/update', { Memory: 1 }],
  ['POST', '/containers/running/update', { RestartPolicy: { Name: 'foo' } }],
  ['GET', '/containers/running/logs'],
  ['GET', '/containers/nosuch/logs?stdout=1'],
  ['GET', '/containers/running/logs?stdout=1&since=x'],
  ['GET', '/containers/created/top'],
  ['GET', '/containers/running/top?ps_args=-o%20foo'],
  ['GET', '/containers/nosuch/json'],
  ['GET', '/containers/nosuch/changes'],
  ['GET', '/containers/nosuch/export'],
  ['GET', '/containers/nosuch/stats'],
  ['GET', '/containers/running/archive'],
  ['GET', '/containers/running/archive?path=/nosuch'],
  ['GET', '/containers/json?limit=x'],
  ['GET', '/containers/json?filters=x'],
  ['GET', '/containers/json?filters=[]'],
  ['DELETE', '/containers/running'],
  ['DELETE', '/containers/nosuch'],
  ['POST', '/containers/nosuch/exec', { Cmd: ['true'] }],
  ['POST', '/containers/created/exec', { Cmd: ['true'] }],
  ['POST', '/containers/running/exec', { Cmd: [] }],
  ['GET', '/exec/nosuch/json'],
  ['POST', '/exec/nosuch/start', {}],
  ['POST', '/exec/nosuch/resize?h=1&w=1'],
  ['GET', '/images/nosuch/history'],
  ['POST', '/images/nosuch/tag?repo=a'],
  ['POST', '/images/busybox/tag'],
  ['DELETE', '/images/nosuch'],
  ['DELETE', '/images/busybox'],
  ['GET', '/images/search?term=x&limit=1000'],
  ['GET', '/networks/nosuch'],
  ['DELETE', '/networks/nosuch'],
  ['DELETE', '/networks/host'],
  ['GET', '/volumes/nosuch'],
  ['DELETE', '/volumes/nosuch'],
  ['POST', '/volumes/create', { Name: '-bad' }],
  ['GET', '/plugins/nosuch/json'],
  ['GET', '/swarm'],
  ['GET', '/services'],
  ['POST', '/secrets/create', {}],
  ['POST', '/swarm/leave'],
  ['GET', '/events?since=10&until=5'],
]

test.each(SAME)('%s %s %j', async (method, path, body) => {
  const [ours, theirs] = await Promise.all(engines.map(engine => ask(engine, method, encodeURI(decodeURI(path)), body)))
  expect(ours?.message).toBe(theirs?.message)
  if (theirs?.status !== 500) expect(ours?.status).toBe(theirs?.status)
  else expect(ours?.status).toBeGreaterThanOrEqual(400)
})

test.each(['1.23', '1.99', '9'])('API version %s', async version => {
  const [ours, theirs] = await Promise.all(
    engines.map(engine => new EngineApi(engine.socket, version).request('GET', '/info')),
  )
  // The ranges differ, and 1.23 is in the reference's.
  const words = (answer?: Answer) => answer?.text.replace(/\d+\.\d+(?=["\n,])/, 'N')
  if (version !== '1.23') expect(words(ours)).toBe(words(theirs))
  expect(ours?.status).toBe(400)
})

/** `--link` on the default bridge, as Docker has it: a line in the hosts file, variables, one way only. */

import { beforeAll, expect, test } from 'vitest'
import type { ApiError } from '../support/client.ts'
import { create, exec, inspect, remove, start } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { type NetworkedDaemon, startNetworkedDaemon } from '../support/network.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

const SLEEP = { Image: 'busybox', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL' }
const linking = (...Links: string[]) => ({ ...SLEEP, HostConfig: { Links } })

let skiff: NetworkedDaemon
beforeAll(async () => {
  skiff = await startNetworkedDaemon()
})

const addressOf = async (engine: Engine, id: string): Promise<string> =>
  (await inspect(engine, id)).NetworkSettings.IPAddress
const hosts = async (engine: Engine, id: string): Promise<string[]> =>
  (await exec(engine, id, ['cat', '/etc/hosts'])).stdout.trim().split('\n')
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it was not refused',
    (error: ApiError) => error.message,
  )

test('variables and hosts are those of Docker', async () => {
  const docker = await startReferenceEngine()
  await importBusybox(docker)
  const look = async (engine: Engine) => {
    const ExposedPorts = Object.fromEntries(
      ['6379/tcp', '6380/tcp', '6381/tcp', '90/tcp', '91/tcp', '53/udp', '53/tcp', '80/tcp'].map(port => [port, {}]),
    )
    const db = await start(engine, { ...SLEEP, ExposedPorts, Env: ['A=b=c', 'PATH=/bin'], Hostname: 'dbhost' }, 'db1')
    const web = await start(engine, linking('db1:my-db', 'db1'), 'web1')
    const address = await addressOf(engine, db)
    const env = (await exec(engine, web, ['env'])).stdout
    const own = env.split('\n').filter(line => /^(MY_)?DB1?_/.test(line))
    const file = (await hosts(engine, web)).filter(line => line.includes('dbhost'))
    const names = (await engine.api.get('/containers/json', { filters: { id: [db] } }))[0].Names
    await Promise.all([db, web].map(id => remove(engine, id)))
    return {
      env: own.map(line => line.replaceAll(address, 'DB')).sort(),
      hosts: file.map(line => line.replace(address, 'DB')).sort(),
      names: names.sort(),
    }
  }
  const [ours, theirs] = [await look(skiff), await look(docker)]
  expect(ours.env.length).toBeGreaterThan(30)
  expect(ours).toEqual(theirs)
})

test('the hosts entry follows the target, and never leads to somebody else', async () => {
  const db = await start(skiff, SLEEP, 'moving')
  const web = await start(skiff, linking('moving:store'), 'follower')
  const before = await addressOf(skiff, db)
  expect(await hosts(skiff, web)).toContain(`${before}\tstore ${db.slice(0, 12)} moving`)
  await skiff.api.post(`/containers/${db}/stop`, undefined, { t: 0 })
  const thief = await start(skiff, SLEEP)
  expect(await addressOf(skiff, thief)).toBe(before)
  expect((await hosts(skiff, web)).join()).not.toContain('store')
  await skiff.api.post(`/containers/${db}/start`)
  const after = await addressOf(skiff, db)
  expect(after).not.toBe(before)
  expect(await hosts(skiff, web)).toContain(`${after}\tstore ${db.slice(0, 12)} moving`)
  expect((await exec(skiff, web, ['ping', '-c1', '-W1', 'store'])).stdout).toContain(`(${after})`)
  // It also survives a change of the daemon between the two.
  await skiff.kill9()
  await skiff.restart()
  await skiff.api.post(`/containers/${db}/stop`, undefined, { t: 0 })
  expect((await hosts(skiff, web)).join()).not.toContain('store')
  await Promise.all([db, web, thief].map(id => remove(skiff, id)))
})

test('goes one way only', async () => {
  const db = await start(skiff, SLEEP, 'oneway')
  const web = await start(skiff, linking('oneway'), 'caller')
  expect((await exec(skiff, web, ['ping', '-c1', '-W1', 'oneway'])).exitCode).toBe(0)
  expect((await exec(skiff, db, ['ping', '-c1', '-W1', 'caller'])).stderr).toContain("bad address 'caller'")
  await Promise.all([db, web].map(id => remove(skiff, id)))
})

test('is refused where it cannot be', async () => {
  expect(await refusal(create(skiff, linking('nobody:x')))).toBe(
    'could not get container for nobody: No such container: nobody',
  )
  const idle = await create(skiff, SLEEP, 'idle')
  const web = await create(skiff, linking('idle:x'), 'early')
  expect(await refusal(skiff.api.post('/containers/early/start'))).toBe(
    'Cannot link to a non running container: /idle AS /early/x',
  )
  await skiff.api.post('/networks/create', { Name: 'apart' })
  const apart = await start(skiff, { ...SLEEP, HostConfig: { NetworkMode: 'apart' } }, 'apart')
  const far = await create(skiff, linking('apart:x'))
  expect(await refusal(skiff.api.post(`/containers/${far}/start`))).toBe(
    'Cannot link to /apart, as it does not belong to the default network',
  )
  await Promise.all([idle, web, apart, far].map(id => remove(skiff, id)))
  await skiff.api.delete('/networks/apart')
})

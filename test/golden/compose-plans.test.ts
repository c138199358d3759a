/**
 * What is done for a project, as text, against the plans in compose-plans.txt. A plan that changed is reviewed like code:
 * `UPDATE_GOLDEN=1 npx vitest run test/golden` writes them anew, and the difference goes into the commit.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { networkHash, serviceHash } from '../../src/compose/engine/hash.ts'
import { LABEL } from '../../src/compose/engine/labels.ts'
import type { Container, Observed } from '../../src/compose/engine/observe.ts'
import { selectServices } from '../../src/compose/plan/order.ts'
import { showPlan } from '../../src/compose/plan/plan.ts'
import { containerName, type Intent, reconcile, replicasOf } from '../../src/compose/plan/reconcile.ts'
import type { Project } from '../../src/compose/project.ts'
import { oneFile } from '../unit/compose/project.ts'

const SHOP = `
services:
  web: {image: web, depends_on: {redis: {condition: service_started}, db: {condition: service_healthy, restart: true}}, ports: ["80"]}
  db: {image: db, volumes: ["data:/d"], networks: [back], depends_on: {init: {condition: service_completed_successfully, required: false}}}
  redis: {image: redis, networks: [back, default]}
  init: {image: init, volumes: ["data:/d"]}
  log: {image: log, network_mode: "service:web"}
networks: {back: }
volumes: {data: }
`

const NOTHING: Observed = { containers: [], networks: [], volumes: [] }

function container(project: Project, service: string, number: number, more: Partial<Container> = {}): Container {
  const own = project.services[service]
  const name = own ? containerName(project, own, number) : `${project.name}-${service}-${number}`
  return {
    id: name.padEnd(64, '0'),
    name,
    project: project.name,
    service,
    number,
    oneoff: false,
    running: true,
    state: 'running',
    hash: own ? serviceHash(project, own) : '',
    imageId: `id-of-${service}`,
    networks: Object.keys(own?.networks ?? {}).map(key => project.networks[key]?.name ?? ''),
    labels: {},
    summary: {
      Id: '',
      Names: [],
      Image: '',
      ImageID: '',
      Command: '',
      Created: 0,
      State: '',
      Status: '',
      Labels: {},
      Ports: [],
    },
    ...more,
  }
}

/** All of it as the project says. */
const complete = (project: Project): Observed => ({
  containers: Object.values(project.services).flatMap(service =>
    Array.from({ length: replicasOf(service, {}) }, (_, i) => container(project, service.name, i + 1)),
  ),
  networks: Object.values(project.networks).map(network => ({
    Id: network.name,
    Name: network.name,
    Driver: 'bridge',
    Labels: { [LABEL.hash]: networkHash(network) },
  })),
  volumes: Object.values(project.volumes).map(({ name }) => ({ Name: name, Driver: 'local', Labels: {} })),
})

function plan(project: Project, observed: Observed, more: Partial<Intent> = {}, names: readonly string[] = []): string {
  const services = selectServices(project, names)
  const intent: Intent = {
    services,
    targets: new Set(names.length > 0 ? names : services.map(({ name }) => name)),
    scale: {},
    recreate: 'diverged',
    recreateDependencies: 'diverged',
    start: true,
    removeOrphans: false,
    images: Object.fromEntries(services.map(({ name }) => [name, `id-of-${name}`])),
    resourcesOf: [],
    ...more,
  }
  return showPlan(reconcile(project, observed, intent))
}

const CASES: Record<string, () => Promise<string>> = {
  'nothing is there': async () => plan(await oneFile(SHOP), NOTHING),
  'all is there': async () => {
    const project = await oneFile(SHOP)
    return plan(project, complete(project))
  },
  'created, not started': async () => plan(await oneFile(SHOP), NOTHING, { start: false }),
  'one service and what it needs': async () => plan(await oneFile(SHOP), NOTHING, {}, ['redis']),
  'redis has changed: nothing else is touched': async () => {
    const before = complete(await oneFile(SHOP))
    return plan(await oneFile(SHOP.replace('image: redis', 'image: redis:8')), before)
  },
  'db has changed: web, with restart: true, stops and starts': async () => {
    const before = complete(await oneFile(SHOP))
    return plan(await oneFile(SHOP.replace('image: db', 'image: db:2')), before)
  },
  'web has changed: log shares its network and goes with it': async () => {
    const before = complete(await oneFile(SHOP))
    return plan(await oneFile(SHOP.replace('"80"', '"81"')), before)
  },
  'another image under the same name': async () => {
    const project = await oneFile(SHOP)
    return plan(project, complete(project), { images: { redis: 'another' } })
  },
  'a network has changed': async () => {
    const before = complete(await oneFile(SHOP))
    return plan(await oneFile(SHOP.replace('back: }', 'back: {internal: true}}')), before)
  },
  'scaled up, then down': async () => {
    const project = await oneFile(SHOP)
    const before = complete(project)
    const more = {
      ...before,
      containers: [...before.containers, container(project, 'redis', 2), container(project, 'redis', 4)],
    }
    return `${plan(project, before, { scale: { redis: 3 } })}--\n${plan(project, more, { scale: { redis: 1 } })}`
  },
  'some have stopped': async () => {
    const project = await oneFile(SHOP)
    const before = complete(project)
    return plan(project, {
      ...before,
      containers: before.containers.map(item =>
        ['db', 'web'].includes(item.service) ? { ...item, running: false, state: 'exited' } : item,
      ),
    })
  },
  'orphans are removed': async () => {
    const project = await oneFile(SHOP)
    const before = complete(project)
    return plan(
      project,
      { ...before, containers: [...before.containers, container(project, 'old', 1)] },
      { removeOrphans: true },
    )
  },
  forced: async () => {
    const project = await oneFile(SHOP)
    return plan(project, complete(project), { recreate: 'force' }, ['db'])
  },
  "docker-compose 1.29's containers, of which the hash is another": async () => {
    const project = await oneFile(SHOP)
    const before = complete(project)
    const old = before.containers.map(item => ({
      ...item,
      name: `demo_${item.service}_${item.number}`,
      hash: 'of 1.29',
    }))
    return plan(project, {
      ...before,
      containers: old,
      networks: before.networks.map(network => ({ ...network, Labels: {} })),
    })
  },
}

test('the plans', async () => {
  const path = fileURLToPath(new URL('compose-plans.txt', import.meta.url))
  let actual = ''
  for (const [name, make] of Object.entries(CASES))
    actual += `${name}\n\n${(await make()).replace(/^(?=.)/gm, '    ') || '    nothing to do\n'}\n`
  if (process.env.UPDATE_GOLDEN) await writeFile(path, actual)
  expect(actual).toBe(await readFile(path, 'utf8'))
})

test('more than one container cannot have one name', async () => {
  const project = await oneFile('services: {web: {image: x, container_name: one}}')
  expect(() => plan(project, NOTHING, { scale: { web: 2 } })).toThrow('remove container_name to scale the service')
})

test('external networks and volumes must be there', async () => {
  const text = (section: string, use: string) =>
    `services: {web: {image: x, ${use}}}\n${section}: {e: {external: true, name: real}}`
  const network = await oneFile(text('networks', 'networks: [e]'))
  expect(() => plan(network, NOTHING)).toThrow('network real declared as external, but could not be found')
  const volume = await oneFile(text('volumes', 'volumes: ["e:/e"]'))
  expect(() => plan(volume, NOTHING)).toThrow('external volume "real" not found')
})

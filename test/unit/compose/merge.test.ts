/** Several files made one. Source: compose-spec, "Merge and override". */

import { expect, test } from 'vitest'
import { project } from './project.ts'

/** The service `web` of two files. */
async function merged(below: string, above: string) {
  const inService = (lines: string) => `services:\n  web:\n    image: busybox\n${lines.replace(/^/gm, '    ')}\n`
  const written = await project({ 'a.yaml': inService(below), 'b.yaml': inService(above) })
  const { services } = await written.load({ files: ['a.yaml', 'b.yaml'] })
  return services.web as Record<string, unknown>
}

test.each([
  ['environment: [A=1, B=2]', 'environment: {B: 3, C: 4}', { environment: { A: '1', B: '3', C: '4' } }],
  ['labels: {a: x}', 'labels: [b=y]', { labels: { a: 'x', b: 'y' } }],
  ['command: a b', 'command: [c]', { command: ['c'] }],
  ['entrypoint: [a]', 'entrypoint: b c', { entrypoint: ['b', 'c'] }],
  ['ports: ["80:80"]', 'ports: ["81:81"]', { ports: [{ target: 80 }, { target: 81 }] }],
  ['ports: ["80:80"]', 'ports: !override ["81:81"]', { ports: [{ target: 81 }] }],
  [
    'volumes: ["/a:/x", "/b:/y"]',
    'volumes: ["/c:/x"]',
    { volumes: [{ source: '/c', target: '/x' }, { source: '/b' }] },
  ],
  ['dns: 1.1.1.1', 'dns: [8.8.8.8]', { dns: ['1.1.1.1', '8.8.8.8'] }],
  ['tmpfs: /a', 'tmpfs: /b', { tmpfs: ['/a', '/b'] }],
  ['cap_add: [A]', 'cap_add: [A, B]', { cap_add: ['A', 'B'] }],
  ['build: ./x', 'build: {dockerfile: D}', { build: { dockerfile: 'D', context: expect.stringMatching(/\/x$/) } }],
  [
    'healthcheck: {test: a, interval: 1s}',
    'healthcheck: {test: [CMD, b]}',
    { healthcheck: { test: ['CMD', 'b'], interval: '1s' } },
  ],
  [
    'logging: {driver: none}',
    'logging: {driver: json-file, options: {max-size: 1m}}',
    { logging: { driver: 'json-file', options: { 'max-size': '1m' } } },
  ],
  [
    'logging: {driver: json-file, options: {a: 1}}',
    'logging: {options: {b: 2}}',
    { logging: { driver: 'json-file', options: { a: '1', b: '2' } } },
  ],
  ['sysctls: [a=1]', 'sysctls: {b: 2}', { sysctls: { a: '1', b: '2' } }],
  ['extra_hosts: ["a:1.1.1.1"]', 'extra_hosts: {b: 2.2.2.2}', { extra_hosts: ['a=1.1.1.1', 'b=2.2.2.2'] }],
  ['ulimits: {nofile: 10}', 'ulimits: {nofile: {soft: 1, hard: 2}}', { ulimits: { nofile: { soft: 1, hard: 2 } } }],
  ['env_file: []\nuser: a', 'user: b', { user: 'b' }],
])('%s + %s', async (below, above, expected) => {
  expect(await merged(below, above)).toMatchObject(expected)
})

test('a number of list items is the whole list', async () => {
  const web = await merged('ports: ["80:80", "81:81"]', 'ports: ["80:80"]')
  expect(web.ports).toHaveLength(2)
})

test('!reset takes a key away, at any depth', async () => {
  const web = await merged(
    'ports: ["80:80"]\nenvironment: {A: 1, B: 2}',
    'ports: !reset []\nenvironment: {A: !reset null}',
  )
  expect(web.ports).toBeUndefined()
  expect(web.environment).toEqual({ B: '2' })
})

test('networks and depends_on in both forms', async () => {
  const files = {
    'a.yaml':
      'services:\n  web: {image: x, networks: [front], depends_on: [db]}\n  db: {image: x}\n  q: {image: x}\nnetworks: {front: , back: }\n',
    'b.yaml':
      'services:\n  web:\n    networks: {back: {aliases: [w]}}\n    depends_on: {q: {condition: service_healthy}}\n',
  }
  const { services } = await (await project(files)).load({ files: ['a.yaml', 'b.yaml'] })
  expect(services.web?.networks).toEqual({ front: null, back: { aliases: ['w'] } })
  expect(services.web?.depends_on).toEqual({
    db: { condition: 'service_started', required: true },
    q: { condition: 'service_healthy', required: true },
  })
})

test('relative paths of every -f start from the folder of the first', async () => {
  const written = await project({
    'a.yaml': 'services: {web: {image: x}}',
    'sub/b.yaml': 'services: {web: {volumes: ["./data:/data"]}}',
  })
  const { services } = await written.load({ files: ['a.yaml', 'sub/b.yaml'] })
  expect(services.web?.volumes?.[0]?.source).toBe(`${written.folder}/data`)
})

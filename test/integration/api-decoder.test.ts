/** Bodies as clients get them wrong: the same complaints as the reference engine's, word for word. */

import { beforeAll, expect, test } from 'vitest'
import { API_VERSION, EngineApi } from '../support/client.ts'
import type { Engine } from '../support/engine.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { serve } from '../unit/api/serve.ts'

let docker: Engine
beforeAll(async () => {
  docker = await startReferenceEngine()
})

/** An image that neither has: a body that can be read ends there. */
const VALID = JSON.stringify({
  Image: 'nope',
  Cmd: ['a', 'b\n"c"'],
  Env: ['A=b'],
  Tty: false,
  ExposedPorts: { '80/tcp': {} },
  Labels: { a: 'b' },
  StopTimeout: 3,
  Healthcheck: { Test: ['CMD', 'x'], Interval: 1000000000 },
  HostConfig: {
    Binds: ['/a:/b'],
    Memory: 67108864,
    CpuShares: 1e2,
    BlkioWeight: 100,
    PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }],
    Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1000, Mode: 511 } }],
    ConsoleSize: [1, 2],
    MaskedPaths: null,
    OomKillDisable: true,
    PidsLimit: -1,
  },
  NetworkingConfig: { EndpointsConfig: { x: { Aliases: ['y'], IPAMConfig: { IPv4Address: '10.0.0.1' } } } },
})

const headers = { 'Content-Type': 'application/json' }
const IMAGE_MISSING = 'No such image: nope:latest'

/** What an engine says of a body; one that was read says that the image is missing. */
async function complaint(api: EngineApi, path: string, body: string): Promise<string> {
  const { json } = await api.request('POST', path, { body, headers })
  return json.message
}

async function skiff(): Promise<EngineApi> {
  const refuse = async () => {
    throw new Error(IMAGE_MISSING)
  }
  return new EngineApi(await serve({ containers: { create: refuse } }), API_VERSION)
}

/** A generator of numbers below one, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const VALUES = [
  'null',
  'true',
  '1',
  '-1',
  '1.5',
  '1e3',
  '1e99',
  '99999999999999999999',
  '"x"',
  '""',
  '[]',
  '{}',
  '[1]',
  '["x"]',
  '{"a":1}',
  '[null]',
  '{"a":null}',
]
const CHARACTERS = [...'{}[]:,"\\ \t\n\x01e0-tfnx\'/é']

/** Puts another value, or another character, in the place of one. */
function spoil(text: string, random: () => number): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  if (random() < 0.6) {
    const values = [...text.matchAll(/(?<=[:[,])("(?:[^"\\]|\\.)*"|-?[\d.]+|true|false|null)(?=[,}\]])/g)]
    const { index, 0: old } = pick(values)
    return text.slice(0, index) + pick(VALUES) + text.slice(index + old.length)
  }
  const at = Math.floor(random() * text.length)
  const kind = random()
  if (kind < 0.3) return text.slice(0, at)
  if (kind < 0.6) return text.slice(0, at) + text.slice(at + 1)
  return text.slice(0, at) + pick(CHARACTERS) + text.slice(at + (kind < 0.8 ? 1 : 0))
}

test('400 spoilt bodies are refused in the same words, or not at all', async () => {
  const api = await skiff()
  const random = randomFrom(20261121)
  const different: string[] = []
  let refused = 0
  for (let i = 0; i < 400; i++) {
    const body = spoil(VALID, random)
    const [ours, theirs] = await Promise.all([
      complaint(api, '/containers/create', body),
      complaint(docker.api, '/containers/create', body),
    ])
    // Beyond reading, the services speak: not the subject here.
    const readable = !/^(json: |invalid character|unexpected EOF|EOF)/.test(theirs)
    const same = readable ? ours === IMAGE_MISSING : ours === theirs
    if (!readable) refused++
    if (!same) different.push(`${body}\n  docker: ${theirs}\n  skiff:  ${ours}`)
  }
  expect(different).toEqual([])
  expect(refused).toBeGreaterThan(100)
})

test.each([
  ['/containers/x/exec', '{"Cmd":3}'],
  ['/containers/x/exec', '{"Env":{"a":1}}'],
  ['/containers/x/exec', ''],
  ['/containers/x/update', '{"Memory":"1"}'],
  ['/containers/x/update', '{"RestartPolicy":[]}'],
  ['/containers/x/update', ''],
  ['/exec/x/start', '{"Detach":"1"}'],
  ['/exec/x/start', ''],
  ['/volumes/create', '{"Name":1}'],
  ['/volumes/create', '{"Labels":[]}'],
  ['/volumes/create', ''],
  ['/auth', '{"username":1}'],
  ['/auth', '{'],
])('POST %s %s', async (path, body) => {
  expect(await complaint(await skiff(), path, body)).toBe(await complaint(docker.api, path, body))
})

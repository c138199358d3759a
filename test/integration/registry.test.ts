/** Pull and push against Debian's docker-registry. Those that misbehave: registry-misbehaves.test.ts. */

import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { request as ask } from 'node:http'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { create, remove as removeContainer, run } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { type FakeRegistry, makeImage, makeLayer, sha256, startFakeRegistry, TYPE } from '../support/fake-registry.ts'
import { importBusybox } from '../support/images.ts'
import { run as execute, temporaryFolder } from '../support/layer-room.ts'
import { errorOf, pull, push, succeeded } from '../support/pulling.ts'
import { type RegistryServer, startRegistry } from '../support/registry.ts'

let skiff: Daemon
let registry: RegistryServer
beforeAll(async () => {
  skiff = await startDaemon()
  registry = await startRegistry()
  await importBusybox(skiff)
})

const HostConfig = { NetworkMode: 'none' }
const tag = (source: string, repo: string, name: string) =>
  skiff.api.post(`/images/${source}/tag`, undefined, { repo, tag: name })
const remove = (name: string) => skiff.api.delete(`/images/${name}`, { force: 1 })
const inspect = (name: string) => skiff.api.get(`/images/${name}/json`)
const statuses = async (lines: ReturnType<typeof push>) => (await succeeded(lines)).map(({ status }) => status ?? '')
const digestIn = (lines: string[]): string => /sha256:[0-9a-f]{64}/.exec(lines.join('\n'))?.[0] ?? ''

/** What a registry has on its disk: bytes of all blobs. */
async function stored({ storage }: RegistryServer): Promise<number> {
  const folder = join(storage, 'docker/registry/v2/blobs')
  const names = await readdir(folder, { recursive: true })
  const sizes = await Promise.all(names.map(name => stat(join(folder, name))))
  return sizes.reduce((sum, one) => sum + (one.isFile() ? one.size : 0), 0)
}

describe('a registry', () => {
  it('takes an image, and gives the same one back', async () => {
    const repo = `${registry.host}/one`
    await tag('busybox', repo, '1')
    const { Id } = await inspect(`${repo}:1`)
    const digest = digestIn(await statuses(push(skiff, repo, '1')))
    await remove(`${repo}:1`)
    expect((await skiff.api.request('GET', `/images/${repo}:1/json`)).status).toBe(404)

    const pulled = await statuses(pull(skiff, repo, '1'))
    expect(pulled.at(-1)).toBe(`Status: Downloaded newer image for ${repo}:1`)
    expect(await inspect(`${repo}:1`)).toMatchObject({ Id, RepoDigests: [`${repo}@${digest}`] })
    const { stdout } = await run(skiff, { Image: `${repo}:1`, Cmd: ['echo', 'hi'], HostConfig })
    expect(stdout).toBe('hi\n')
    expect((await statuses(pull(skiff, repo, '1'))).at(-1)).toBe(`Status: Image is up to date for ${repo}:1`)
    await remove(`${repo}:1`)
    // By its digest alone.
    expect((await statuses(pull(skiff, repo, digest))).at(-1)).toBe(
      `Status: Downloaded newer image for ${repo}@${digest}`,
    )
    expect(await inspect(`${repo}@${digest}`)).toMatchObject({ Id, RepoDigests: [`${repo}@${digest}`] })
    await remove(`${repo}@${digest}`)
  })

  it('is sent what it lacks, and nothing else', async () => {
    const own = await startRegistry()
    const [first, second, third] = [`${own.host}/base`, `${own.host}/derived`, `${own.host}/base`]
    await tag('busybox', first, '1')
    await push(skiff, first, '1')
    const id = await create(skiff, { Image: 'busybox', Cmd: ['sh', '-c', 'echo more > /more'], HostConfig })
    await skiff.api.post(`/containers/${id}/start`)
    await skiff.api.post(`/containers/${id}/wait`)
    await skiff.api.post('/commit', {}, { container: id, repo: second, tag: '1' })
    await removeContainer(skiff, id)
    const before = await stored(own)
    expect(before).toBeGreaterThan(900_000)

    const done = await statuses(push(skiff, second, '1'))
    expect(done.filter(status => status === 'Mounted from base')).toHaveLength(1)
    expect(done.filter(status => status === 'Pushed')).toHaveLength(1)
    const again = await statuses(push(skiff, second, '1'))
    expect(again.filter(status => status === 'Layer already exists')).toHaveLength(2)
    await tag(`${second}:1`, third, 'derived')
    await succeeded(push(skiff, third, 'derived'))
    // A layer of one small file, a configuration, a manifest: not busybox once more.
    expect((await stored(own)) - before).toBeLessThan(10_000)
    for (const name of [`${first}:1`, `${second}:1`, `${third}:derived`]) await remove(name)
  })

  it('gives and takes all tags of a repository', async () => {
    const repo = `${registry.host}/tags`
    for (const name of ['a', 'b', 'c']) await tag('busybox', repo, name)
    const pushed = await statuses(push(skiff, repo, ''))
    expect(pushed.filter(status => /^[abc]: digest: /.test(status))).toHaveLength(3)
    for (const name of ['a', 'b', 'c']) await remove(`${repo}:${name}`)
    const pulled = await statuses(pull(skiff, repo, ''))
    for (const name of ['a', 'b', 'c']) {
      expect(pulled.join('\n')).toContain(`image for ${repo}:${name}`)
      await remove(`${repo}:${name}`)
    }
  })

  it('that does not know a name is quoted as Docker quotes it', async () => {
    expect(errorOf(await pull(skiff, `${registry.host}/none`, 'x'))).toBe(
      `manifest for ${registry.host}/none:x not found: manifest unknown: manifest unknown`,
    )
    // In the stream, as Docker's clients expect it: the request itself succeeds.
    for (const label of ['x', '']) {
      const { status, text } = await skiff.api.request('POST', `/images/${registry.host}/none/push`, {
        query: { tag: label },
      })
      expect(status).toBe(200)
      expect(text).toContain(`The push refers to repository [${registry.host}/none]`)
      expect(text).toContain(`"error":"An image does not exist locally with the tag: ${registry.host}/none"`)
    }
    const some = `${registry.host}/some`
    await skiff.api.post('/images/busybox/tag', undefined, { repo: some, tag: 'here' })
    expect(errorOf(await push(skiff, some, 'x'))).toBe(`tag does not exist: ${some}:x`)
    await remove(`${some}:here`)
  })

  it('is asked about a name without fetching the image', async () => {
    const repo = `${registry.host}/asked`
    await tag('busybox', repo, '1')
    const digest = digestIn(await statuses(push(skiff, repo, '1')))
    const expected = {
      Descriptor: { mediaType: TYPE.dockerManifest, digest, size: expect.any(Number) },
      Platforms: [{ architecture: 'amd64', os: 'linux' }],
    }
    for (const name of [`${repo}:1`, `${repo}@${digest}`])
      expect(await skiff.api.get(`/distribution/${name}/json`)).toEqual(expected)
    const missing = await skiff.api.request('GET', `/distribution/${repo}:none/json`)
    expect(missing).toMatchObject({ status: 404, json: { message: 'manifest unknown: manifest unknown' } })
    const wrong = await skiff.api.request('GET', '/distribution/A/json')
    expect(wrong).toMatchObject({ status: 400, json: { message: expect.stringContaining('invalid reference format') } })
    await remove(`${repo}:1`)
  })
})

describe('an image for several platforms', () => {
  let fake: FakeRegistry
  const named: Record<string, { digest: string }> = {}
  let index: string
  beforeEach(async () => {
    fake = await startFakeRegistry()
    const manifests: object[] = []
    for (const text of ['linux/arm64/v8', 'linux/amd64', 'linux/arm/v7', 'windows/amd64']) {
      const [os = '', architecture = '', variant] = text.split('/')
      const platform = { os, architecture, ...(variant && { variant }) }
      const image = makeImage([await makeLayer({ platform: text })], { platform })
      fake.add('multi', image.digest, image)
      manifests.push({ mediaType: TYPE.manifest, digest: image.digest, size: image.manifest.length, platform })
      named[text] = image
    }
    // As buildx adds them: what the image was made of, first and for no machine.
    const attestation = makeImage([await makeLayer({ a: '1' }, { mediaType: 'application/vnd.in-toto+json' })])
    fake.add('multi', attestation.digest, attestation)
    manifests.unshift({
      ...{ mediaType: TYPE.manifest, digest: attestation.digest, size: attestation.manifest.length },
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    })
    index = fake.addDocument('multi', '1', TYPE.index, { schemaVersion: 2, mediaType: TYPE.index, manifests })
    fake.addDocument('multi', 'list', TYPE.dockerList, { schemaVersion: 2, mediaType: TYPE.dockerList, manifests })
    fake.addDocument('multi', 'unnamed', TYPE.index, { schemaVersion: 2, manifests })
  })

  it.each([
    ['1', undefined, 'linux/amd64'],
    ['list', undefined, 'linux/amd64'],
    ['unnamed', undefined, 'linux/amd64'],
    ['1', 'linux/arm64', 'linux/arm64/v8'],
    ['1', 'linux/arm', 'linux/arm/v7'],
    ['1', 'arm64', 'linux/arm64/v8'],
  ])('%s, asked for %s, is the one for %s', async (tag, platform, expected) => {
    await succeeded(pull(skiff, `${fake.host}/multi`, tag, platform ? { platform } : {}))
    const [os, architecture] = expected.split('/')
    const image = await inspect(`${fake.host}/multi:${tag}`)
    expect(image).toMatchObject({ Os: os, Architecture: architecture })
    expect(fake.asked.map(({ url }) => url)).toContain(`/v2/multi/manifests/${named[expected]?.digest}`)
    // Known by the name's own digest, as Docker knows it.
    if (tag === '1') expect(image.RepoDigests).toEqual([`${fake.host}/multi@${index}`])
    await remove(`${fake.host}/multi:${tag}`)
  })

  it('lacks others, in the words of Docker', async () => {
    expect(errorOf(await pull(skiff, `${fake.host}/multi`, '1', { platform: 'linux/s390x' }))).toBe(
      'no matching manifest for linux/s390x in the manifest list entries',
    )
    expect(errorOf(await pull(skiff, `${fake.host}/multi`, '1', { platform: 'nonsense' }))).toContain(
      '"nonsense": unknown operating system or architecture',
    )
  })

  it('is described with all of them', async () => {
    expect(await skiff.api.get(`/distribution/${fake.host}/multi:1/json`)).toMatchObject({
      Descriptor: { mediaType: TYPE.index, digest: index },
      Platforms: [
        { os: 'linux', architecture: 'arm64', variant: 'v8' },
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm', variant: 'v7' },
        { os: 'windows', architecture: 'amd64' },
      ],
    })
  })
})

it('layers come in any compression', async () => {
  const fake = await startFakeRegistry()
  const folder = await temporaryFolder()
  const content = (name: string) => ({ [name]: `in ${name}` })
  const zstd = async (bytes: Buffer): Promise<Buffer> => {
    await writeFile(join(folder, 'a'), bytes)
    await execute('zstd', ['-q', '-o', join(folder, 'b'), join(folder, 'a')])
    return readFile(join(folder, 'b'))
  }
  const plain = await makeLayer(content('plain'), { mediaType: TYPE.tar, compress: bytes => bytes })
  const gzip = await makeLayer(content('gzip'))
  const third = await makeLayer(content('zstd'), { mediaType: TYPE.zstd, compress: bytes => bytes })
  const bytes = await zstd(third.bytes)
  fake.add('web', '1', makeImage([plain, gzip, { ...third, bytes, digest: sha256(bytes) }]))
  await succeeded(pull(skiff, `${fake.host}/web`, '1'))
  const id = await create(skiff, { Image: `${fake.host}/web:1`, Cmd: ['x'], HostConfig })
  for (const name of ['plain', 'gzip', 'zstd'])
    expect(
      (await skiff.api.request('GET', `/containers/${id}/archive`, { query: { path: `/${name}` } })).text,
    ).toContain(`in ${name}`)
  await removeContainer(skiff, id)
  await remove(`${fake.host}/web:1`)
})

describe('a push', () => {
  /** Between skiff and the registry: breaks what it is told to. */
  async function startGate(spoil: (method: string, path: string) => 'cut' | 'refuse' | 'pass'): Promise<string> {
    const gate = await startFakeRegistry()
    gate.intercept = async (request, response) => {
      const fate = spoil(request.method ?? '', request.url ?? '')
      if (fate === 'cut') request.once('data', () => request.destroy())
      else if (fate === 'refuse') response.writeHead(503).end()
      else {
        const [host, port] = registry.host.split(':')
        const { method = 'GET', url = '/', headers } = request
        const passed = ask({ host, port, method, path: url, headers }, answer => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        })
        passed.on('error', () => response.destroy())
        request.pipe(passed)
      }
      return true
    }
    return gate.host
  }

  it.each(['cut', 'refuse'] as const)('that meets a registry which says %s at first is tried again', async how => {
    const patches: string[] = []
    const host = await startGate((method, path) => {
      if (method !== 'PATCH') return 'pass'
      patches.push(path)
      return patches.length < 3 ? how : 'pass'
    })
    const layer = await makeLayer({ [how]: randomBytes(2_000_000) })
    const fake = await startFakeRegistry()
    fake.add('big', '1', makeImage([layer]))
    await succeeded(pull(skiff, `${fake.host}/big`, '1'))
    await tag(`${fake.host}/big:1`, `${host}/again/${how}`, '1')
    await succeeded(push(skiff, `${host}/again/${how}`, '1'))
    expect(patches).toHaveLength(3)
    await remove(`${host}/again/${how}:1`)
    await succeeded(pull(skiff, `${host}/again/${how}`, '1'))
    await remove(`${host}/again/${how}:1`)
    await remove(`${fake.host}/big:1`)
  })
})

describe('search', () => {
  const FOUND = [
    { name: 'tools/one', description: 'The first', is_official: false, is_automated: true, star_count: 3 },
    { name: 'two', description: 'The second', is_official: true, is_automated: false, star_count: 12 },
    { name: 'three', description: '', is_official: false, is_automated: false, star_count: 0 },
  ]
  let fake: FakeRegistry
  let status: number
  beforeEach(async () => {
    fake = await startFakeRegistry()
    status = 200
    fake.intercept = ({ url }, response) => {
      if (!url?.startsWith('/v1/search')) return false
      response.writeHead(status).end(JSON.stringify({ num_results: 3, results: FOUND }))
      return true
    }
  })
  const search = (filters: object = {}, limit?: number) =>
    skiff.api.request('GET', '/images/search', {
      query: { term: `${fake.host}/tool`, filters: JSON.stringify(filters), ...(limit !== undefined && { limit }) },
    })
  const names = ({ json }: { json: { name: string }[] }) => json.map(({ name }) => name)

  it('asks the index of the registry that the term names, and filters', async () => {
    expect((await search()).json).toEqual(FOUND)
    expect(fake.asked.map(({ url }) => url)).toEqual(['/v1/search?q=tool&n=25'])
    expect(names(await search({ 'is-official': { true: true } }))).toEqual(['two'])
    expect(names(await search({ 'is-automated': { true: true } }))).toEqual(['tools/one'])
    expect(names(await search({ stars: { 3: true } }))).toEqual(['tools/one', 'two'])
    expect(names(await search({ 'is-official': { false: true } }))).toEqual(['tools/one', 'three'])
    expect(names(await search({}, 2))).toEqual(['tools/one', 'two'])
    expect(fake.asked.at(-1)?.url).toBe('/v1/search?q=tool&n=2')
  })

  it('is refused, and fails, in the words of Docker', async () => {
    expect(await search({}, 101)).toMatchObject({ status: 400, json: { message: expect.stringContaining('[1, 100]') } })
    expect(await search({ stars: { x: true } })).toMatchObject({
      status: 400,
      json: { message: expect.stringContaining('invalid filter') },
    })
    expect(await search({ 'is-official': { maybe: true } })).toMatchObject({
      status: 400,
      json: { message: "invalid filter 'is-official=[maybe]'" },
    })
    expect((await search({ 'is-automated': { true: true, false: true } })).status).toBe(400)
    expect((await search({ nonsense: { x: true } })).status).toBe(400)
    status = 500
    expect(await search()).toMatchObject({ json: { message: 'Unexpected status code 500' } })
  })
})

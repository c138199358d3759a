/** What skiff writes the reference engine and skopeo read, and the other way round: through registries and through archives. */

import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { create, remove, run } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { sha256 } from '../support/fake-registry.ts'
import { importBusybox } from '../support/images.ts'
import { run as execute, temporaryFolder } from '../support/layer-room.ts'
import { type Line, pull, push, succeeded } from '../support/pulling.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'
import { startRegistry } from '../support/registry.ts'

let skiff: Daemon
let docker: Engine
let registry: string
let folder: string

const HostConfig = { NetworkMode: 'none' }
/** Prints what the image below holds. */
const LOOK = ['sh', '-c', 'cat /srv/kept /srv/changed /opaque/*; ls -A /srv; stat -c "%a %u %h" /srv/kept']
const SEEN = 'kept\nchanged\nnew\nchanged\nhard\nkept\n6755 12 2\n'

/** busybox, and two layers with links, whiteouts and an opaque folder. */
async function grow(engine: Engine, repo: string): Promise<void> {
  await importBusybox(engine)
  const steps = [
    'mkdir /srv /opaque; echo kept >/srv/kept; ln /srv/kept /srv/hard; chown 12 /srv/kept; chmod 6755 /srv/kept; echo a >/srv/gone; echo b >/srv/changed; echo old >/opaque/old',
    'rm /srv/gone; echo changed >/srv/changed; rm -r /opaque; mkdir /opaque; echo new >/opaque/new',
  ]
  let base = 'busybox'
  for (const [i, script] of steps.entries()) {
    const id = await create(engine, { Image: base, Cmd: ['sh', '-ec', script], HostConfig })
    await engine.api.post(`/containers/${id}/start`)
    expect((await engine.api.post(`/containers/${id}/wait`)).StatusCode).toBe(0)
    await engine.api.request('POST', '/commit', { query: { container: id, repo, tag: `${i}` } })
    await remove(engine, id)
    base = `${repo}:${i}`
  }
}

beforeAll(async () => {
  ;[skiff, docker, folder] = await Promise.all([startDaemon(), startReferenceEngine(), temporaryFolder()])
  const { host, storage } = await startRegistry()
  registry = host
  // The reference engine has a network namespace of its own: there stands a second door to the same storage.
  const through = ['nsenter', '-t', String(await docker.daemonPid()), '-n']
  await startRegistry({ through, storage, port: Number(host.split(':')[1]) })
  await Promise.all([grow(skiff, `${host}/grown/skiff`), grow(docker, `${host}/grown/docker`)])
}, 240_000)

const inspect = (engine: Engine, name: string) => engine.api.get(`/images/${name}/json`)
const forget = (engine: Engine, name: string) => engine.api.delete(`/images/${name}`, { force: 1 })

async function looksRight(engine: Engine, image: string): Promise<void> {
  const { stdout } = await run(engine, { Image: image, Cmd: LOOK, HostConfig })
  expect(stdout).toBe(SEEN)
}

describe('through a registry', () => {
  it.each(['skiff', 'docker'] as const)('what %s has pushed the other pulls, with the same digests', async from => {
    const [pusher, puller] = from === 'skiff' ? [skiff, docker] : [docker, skiff]
    const repo = `${registry}/grown/${from}`
    await succeeded(push(pusher, repo, '1', {}))
    await succeeded(pull(puller, repo, '1'))
    const [theirs, ours] = [await inspect(pusher, `${repo}:1`), await inspect(puller, `${repo}:1`)]
    expect(ours.Id).toBe(theirs.Id)
    expect(ours.RootFS).toEqual(theirs.RootFS)
    expect(ours.RepoDigests).toEqual(theirs.RepoDigests)
    await looksRight(puller, `${repo}:1`)
    // Back again: nothing has to be sent, and the manifest is the same.
    await puller.api.post(`/images/${repo}:1/tag`, undefined, { repo, tag: 'back' })
    const lines = await succeeded(push(puller, repo, 'back', {}))
    expect(lines.filter(({ status }) => status === 'Layer already exists')).toHaveLength(3)
    expect(lines.map(({ status }) => status ?? '').join('\n')).toContain(theirs.RepoDigests[0].split('@')[1])
    await forget(puller, `${repo}:back`)
    await forget(puller, `${repo}:1`)
  })
})

it('the streams of both engines tell the same, but for how fast it went', async () => {
  const repo = `${registry}/grown/skiff`
  await succeeded(push(skiff, repo, '1'))
  const telling = (lines: Line[]) =>
    lines
      .filter(
        ({ status = '' }) => !/^(Downloading|Waiting|Verifying Checksum|Download complete|Extracting)$/.test(status),
      )
      .map(line => JSON.stringify(line))
  const told = async (engine: Engine) => {
    // Both have busybox's layer, and neither has the others.
    for (const name of [`${repo}:1`, `${repo}:0`]) await engine.api.request('DELETE', `/images/${name}?force=1`)
    const [first, second] = [await succeeded(pull(engine, repo, '1')), await succeeded(pull(engine, repo, '1'))]
    return {
      first: telling(first),
      second: telling(second),
      push: telling(await succeeded(push(engine, repo, '1', {}))),
    }
  }
  const theirs = await told(docker)
  const ours = await told(skiff)
  expect(ours.first).toEqual(theirs.first)
  expect(ours.second).toEqual(theirs.second)
  expect(ours.push.sort()).toEqual(theirs.push.sort())
})

const skopeo = async (...words: string[]): Promise<string> =>
  (await execute('skopeo', ['--insecure-policy', ...words])).stdout.toString()
const copy = (from: string, to: string, ...options: string[]) =>
  skopeo('copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false', ...options, from, to)

async function load(engine: Engine, path: string): Promise<string> {
  const headers = { 'Content-Type': 'application/x-tar' }
  const { text } = await engine.api.request('POST', '/images/load', { body: createReadStream(path), headers })
  const id = /sha256:[0-9a-f]{64}/.exec(text)?.[0] ?? /Loaded image: (\S+?)\\n/.exec(text)?.[1]
  if (id === undefined) throw new Error(text)
  return (await inspect(engine, id)).Id
}

async function save(engine: Engine, name: string): Promise<string> {
  const path = join(folder, 'saved.tar')
  await pipeline(await engine.api.stream('GET', '/images/get', { query: { names: [name] } }), createWriteStream(path))
  return path
}

describe('skopeo', () => {
  it.each(['docker-archive', 'oci-archive'])('reads from skiff as %s, and writes what skiff reads', async kind => {
    const repo = `${registry}/grown/skiff`
    const { Id } = await inspect(skiff, `${repo}:1`)
    const saved = await save(skiff, `${repo}:1`)
    await copy(`${kind}:${saved}`, `docker://${registry}/copied/${kind}:1`)
    await succeeded(pull(skiff, `${registry}/copied/${kind}`, '1'))
    const pulled = await inspect(skiff, `${registry}/copied/${kind}:1`)
    expect(pulled.Id).toBe(Id)
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${registry}/copied/${kind}:1`)
    expect(pulled.RepoDigests).toContain(`${registry}/copied/${kind}@${sha256(raw)}`)
    await looksRight(skiff, `${registry}/copied/${kind}:1`)

    const written = join(folder, `${kind}.tar`)
    await copy(`docker://${registry}/copied/${kind}:1`, `${kind}:${written}:copied:2`)
    await forget(skiff, `${registry}/copied/${kind}:1`)
    expect(await load(skiff, written)).toBe(Id)
    await forget(skiff, 'copied:2')
  })

  it.each(['gzip', 'zstd'])('compresses layers with %s, and skiff pulls them', async format => {
    await succeeded(push(skiff, `${registry}/grown/skiff`, '1'))
    const repo = `${registry}/compressed/${format}`
    const layout = `oci:${join(folder, format)}:1`
    const saved = await save(skiff, `${registry}/grown/skiff:1`)
    await copy(`docker-archive:${saved}`, layout, '--dest-compress-format', format, '--dest-compress')
    await copy(layout, `docker://${repo}:1`, '--preserve-digests')
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${repo}:1`)
    expect(JSON.parse(raw).layers[0].mediaType).toBe(`application/vnd.oci.image.layer.v1.tar+${format}`)
    const other = await startDaemon()
    await succeeded(pull(other, repo, '1'))
    await looksRight(other, `${repo}:1`)
    // From its own store to a third place, in Docker's format.
    await other.api.post(`/images/${repo}:1/tag`, undefined, { repo: `${registry}/third/${format}`, tag: '1' })
    await succeeded(push(other, `${registry}/third/${format}`, '1'))
    await succeeded(pull(docker, `${registry}/third/${format}`, '1'))
    await looksRight(docker, `${registry}/third/${format}:1`)
  })
})

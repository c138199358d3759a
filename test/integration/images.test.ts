/** Images and layers beside the reference engine: what one writes the other reads, and both come to the same files. */

import { createReadStream, createWriteStream, mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { cliOk } from '../support/cli.ts'
import { onBoth, type Pair } from '../support/compare.ts'
import { create, remove, run } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { fingerprint } from '../support/fingerprint.ts'
import { importBusybox } from '../support/images.ts'
import { run as execute, temporaryFolder } from '../support/layer-room.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let engines: Pair<Engine>
beforeAll(async () => {
  const [skiff, docker] = await Promise.all([startDaemon(), startReferenceEngine()])
  engines = { skiff, docker }
  await Promise.all([importBusybox(skiff), importBusybox(docker)])
})

const HostConfig = { NetworkMode: 'none' }

/** What a container changes: added, changed, deleted, replaced, linked, given away, owned by a capability of its own. */
const STEPS = [
  [
    'mkdir -p /srv/a/b /opaque && echo one >/srv/a/one && echo two >/srv/a/b/two && ln /srv/a/one /srv/a/hard',
    'ln -s ../a /srv/link && echo x >/opaque/lower && mkfifo /srv/fifo && chmod 6755 /srv/a/one && chown 12:34 /srv/a/one',
    'dd if=/dev/zero of=/srv/sparse bs=1 count=1 seek=5000000 2>/dev/null && touch -d @1000000000 /srv/a/b',
  ],
  [
    'rm /srv/a/b/two && echo changed >>/srv/a/one && rm -r /opaque && mkdir /opaque && echo y >/opaque/upper',
    'rm -r /srv/link && mkdir /srv/link && echo z >/srv/link/now-a-folder && mv /srv/fifo /srv/moved && chmod 700 /srv',
  ],
  ['rm -r /srv/a && echo file >/srv/a && rm /opaque/upper && mkdir -p "/srv/ü \\\\ name" && rm /bin/vi'],
].map(lines => lines.join(' && '))

/** An image of several layers, each committed from a container of the one before. */
async function grow(engine: Engine, name: string): Promise<void> {
  let base = 'busybox'
  for (const [index, step] of STEPS.entries()) {
    const id = await createAndRun(engine, base, step)
    const query = { container: id, repo: name, tag: `${index}`, comment: `step ${index}`, author: 'a test' }
    await engine.api.request('POST', '/commit', { query })
    await remove(engine, id)
    base = `${name}:${index}`
  }
}

async function createAndRun(engine: Engine, image: string, script: string): Promise<string> {
  const id = await create(engine, { Image: image, Cmd: ['sh', '-ec', script], HostConfig })
  await engine.api.post(`/containers/${id}/start`)
  const { StatusCode } = await engine.api.post(`/containers/${id}/wait`)
  expect(StatusCode).toBe(0)
  return id
}

async function saveTo(engine: Engine, names: string[], path: string): Promise<void> {
  const query = { names }
  await pipeline(await engine.api.stream('GET', '/images/get', { query }), createWriteStream(path))
}

const load = (engine: Engine, path: string) =>
  engine.api.request('POST', '/images/load', {
    body: createReadStream(path),
    headers: { 'Content-Type': 'application/x-tar' },
  })

/** The files of an image, by way of a container that never ran. */
async function filesOf(engine: Engine, image: string): Promise<string[]> {
  const id = await create(engine, { Image: image, Cmd: ['true'], HostConfig })
  const folder = await temporaryFolder()
  await pipeline(
    await engine.api.stream('GET', `/containers/${id}/export`),
    createWriteStream(join(folder, 'export.tar')),
  )
  await remove(engine, id)
  const tree = join(folder, 'tree')
  mkdirSync(tree)
  await execute('tar', ['-xpf', join(folder, 'export.tar'), '-C', tree, '--numeric-owner', '--exclude=dev/*'])
  // Docker puts these into each container's own layer; what they hold is the container's business.
  const own = /^\/(\.dockerenv|etc|dev|proc|sys|etc\/(hosts|hostname|resolv\.conf|mtab))( |\/)/
  return fingerprint(tree, { folderTimes: false })
    .filter(line => !own.test(line) && !line.startsWith(' '))
    .map(withoutFractions)
}

/** Docker's archives have whole seconds. */
const withoutFractions = (line: string): string => line.replace(/( \d+)\d{9}( |$)/, '$1$2')

const idOf = async (engine: Engine, image: string): Promise<string> =>
  (await engine.api.get(`/images/${image}/json`)).Id

describe('images of several layers', () => {
  it('committed by either engine have the same ids and files in the other', async () => {
    await onBoth(engines, engine => grow(engine, `grown-by-${engine.name}`))
    const folder = await temporaryFolder()
    for (const [from, to] of [
      [engines.skiff, engines.docker],
      [engines.docker, engines.skiff],
    ] as const) {
      const names = STEPS.map((_, index) => `grown-by-${from.name}:${index}`)
      await saveTo(from, names, join(folder, `${from.name}.tar`))
      const { status, text } = await load(to, join(folder, `${from.name}.tar`))
      expect([status, text]).toEqual([200, expect.not.stringContaining('error')])
      for (const name of names) expect(await idOf(to, name)).toBe(await idOf(from, name))
      const last = names.at(-1)!
      expect(await filesOf(to, last)).toEqual(await filesOf(from, last))
      const { stdout } = await run(to, { Image: last, Cmd: ['cat', '/srv/a'], HostConfig })
      expect(stdout).toBe('file\n')
    }
    // A dozen containers on each engine: that takes its time on a busy machine.
  }, 240_000)

  it('get no layer from a container that has changed nothing', async () => {
    const { skiff, docker } = await onBoth(engines, async engine => {
      const id = await create(engine, { Image: 'busybox', Cmd: ['true'], HostConfig })
      await engine.api.post('/commit', undefined, { container: id, repo: 'unchanged', comment: 'as it was' })
      const [image, [newest]] = [
        await engine.api.get('/images/unchanged/json'),
        await engine.api.get('/images/unchanged/history'),
      ]
      const { stdout } = await run(engine, { Image: 'unchanged', Cmd: ['echo', 'runs'], HostConfig })
      const { text: removed } = await engine.api.request('DELETE', '/images/unchanged', { query: { force: true } })
      const { Size, Comment } = newest
      return { layers: image.RootFS.Layers, Size, Comment, stdout, removed: JSON.parse(removed).length }
    })
    expect(skiff).toEqual(docker)
    expect(skiff.layers).toHaveLength(1)
  })

  it('come back to the same ids when they are saved once more by the other', async () => {
    const folder = await temporaryFolder()
    const name = `grown-by-${engines.docker.name}:2`
    const id = await idOf(engines.docker, name)
    await saveTo(engines.skiff, [name], join(folder, 'again.tar'))
    await engines.docker.api.request('DELETE', `/images/${name}`, { query: { force: true } })
    await load(engines.docker, join(folder, 'again.tar'))
    expect(await idOf(engines.docker, name)).toBe(id)
  })

  it('have the same history, but for what each engine signs', async () => {
    const { skiff, docker } = await onBoth(engines, async engine => {
      const lines = await engine.api.get(`/images/grown-by-${engine.name}:2/history`)
      return lines.map(({ CreatedBy, Comment, Size }: Record<string, unknown>) => ({ CreatedBy, Comment, Size }))
    })
    expect(skiff).toEqual(docker)
  })

  it('differ from their containers by the same lines', async () => {
    const { skiff, docker } = await onBoth(engines, async engine => {
      const id = await createAndRun(engine, `grown-by-${engine.name}:0`, STEPS[1]!)
      const changes: { Path: string; Kind: number }[] = await engine.api.get(`/containers/${id}/changes`)
      await remove(engine, id)
      return changes.map(({ Path, Kind }) => `${'CAD'[Kind]} ${Path}`).sort()
    })
    // What Docker puts into the container before it starts is not what the container did.
    const own = /\/(\.dockerenv|etc|dev|proc|sys)(\/|$)/
    const relevant = (lines: string[]) => lines.filter(line => !own.test(line))
    expect(relevant(skiff)).toEqual(relevant(docker))
  })
})

describe('an import', () => {
  it('has the same configuration, given the same instructions', async () => {
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'file'), 'content')
    await execute('tar', ['-cJf', join(folder, 'a.tar.xz'), '-C', folder, 'file'])
    const changes = [
      'CMD ["a", "b"]',
      'ENTRYPOINT run this',
      'ENV A=1 B="two words"',
      'EXPOSE 80 53/udp',
      'LABEL x=y',
      'USER 1:2',
      'VOLUME /data',
      'WORKDIR /srv',
      'HEALTHCHECK --interval=5s --retries=2 CMD true',
      'ONBUILD RUN x',
    ]
    const { skiff, docker } = await onBoth(engines, async engine => {
      await cliOk(engine, [
        'import',
        ...changes.flatMap(change => ['-c', change]),
        '-m',
        'a message',
        join(folder, 'a.tar.xz'),
        'made:1',
      ])
      const { Config, Comment, Os, Architecture, RootFS, RepoTags } = await engine.api.get('/images/made:1/json')
      return { Config, Comment, Os, Architecture, layers: RootFS.Layers, RepoTags }
    })
    expect(skiff).toEqual(docker)
  })
})

describe('removal', () => {
  it('untags, deletes and refuses in the same words', async () => {
    const { skiff, docker } = await onBoth(engines, async engine => {
      const api = engine.api
      const answers: unknown[] = []
      const rmi = async (name: string, force = false) => {
        const { status, json } = await api.request('DELETE', `/images/${name}`, { query: { force } })
        answers.push([name.length > 20 ? 'by id' : name, status, json])
      }
      for (const tag of ['x:1', 'x:2', 'y:1']) {
        const [repo, label] = tag.split(':')
        await api.request('POST', `/images/busybox/tag`, { query: { repo, tag: label } })
      }
      const id = await idOf(engine, 'busybox')
      const container = await create(engine, { Image: 'y:1', Cmd: ['true'], HostConfig })
      await rmi('missing')
      await rmi('x:1')
      await rmi(id)
      await rmi('x:2')
      await remove(engine, container)
      await rmi('y:1')
      return answers
    })
    expect(skiff).toEqual(docker)
  })
})

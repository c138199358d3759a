/** Pull and push against Debian's docker-registry. Those that misbehave: registry-misbehaves.test.ts. */

import { beforeAll, describe, expect, it } from 'vitest'
import { run } from '../support/containers.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { type RegistryServer, startRegistry } from '../support/registry.ts'

let skiff: Daemon
let registry: RegistryServer
beforeAll(async () => {
  skiff = await startDaemon()
  registry = await startRegistry()
  await importBusybox(skiff)
})

type Line = Record<string, string>
const lines = (text: string): Line[] =>
  text
    .trim()
    .split(/\r?\n/)
    .map(line => JSON.parse(line) as Line)

async function progress(path: string, query: object, headers: Record<string, string> = {}): Promise<Line[]> {
  const { text } = await skiff.api.request('POST', path, { query, headers } as object)
  return lines(text)
}

const tag = (source: string, repo: string, name: string) =>
  skiff.api.post(`/images/${source}/tag`, undefined, { repo, tag: name })
const push = (repo: string, name: string, headers?: Record<string, string>) =>
  progress(`/images/${repo}/push`, { tag: name }, headers)
const pull = (fromImage: string, name: string, headers?: Record<string, string>) =>
  progress('/images/create', { fromImage, tag: name }, headers)
const remove = (name: string) => skiff.api.delete(`/images/${name}`, { force: 1 })
const errorOf = (found: Line[]): string | undefined => found.at(-1)?.error

describe('a registry', () => {
  it('takes an image, and gives the same one back', async () => {
    const repo = `${registry.host}/one`
    await tag('busybox', repo, '1')
    const { Id } = await skiff.api.get(`/images/${repo}:1/json`)
    const pushed = await push(repo, '1')
    expect(errorOf(pushed)).toBeUndefined()
    const digest = /sha256:[0-9a-f]{64}/.exec(pushed.at(-2)?.status ?? '')?.[0]
    await remove(`${repo}:1`)
    expect((await skiff.api.request('GET', `/images/${repo}:1/json`)).status).toBe(404)

    const pulled = await pull(repo, '1')
    expect(pulled.at(-1)).toEqual({ status: `Status: Downloaded newer image for ${repo}:1` })
    const image = await skiff.api.get(`/images/${repo}:1/json`)
    expect(image.Id).toBe(Id)
    expect(image.RepoDigests).toEqual([`${repo}@${digest}`])
    const { stdout } = await run(skiff, {
      Image: `${repo}:1`,
      Cmd: ['echo', 'hi'],
      HostConfig: { NetworkMode: 'none' },
    })
    expect(stdout).toBe('hi\n')
    expect((await pull(repo, '1')).at(-1)).toEqual({ status: `Status: Image is up to date for ${repo}:1` })
    expect((await pull(repo, digest as string)).at(-1)?.status).toContain('Image is up to date')
    await remove(`${repo}:1`)
  })

  it('is sent what it lacks, and nothing else', async () => {
    const [first, second] = [`${registry.host}/base`, `${registry.host}/derived`]
    await tag('busybox', first, '1')
    await push(first, '1')
    const { Id: container } = await skiff.api.post('/containers/create', {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo more > /more'],
      HostConfig: { NetworkMode: 'none' },
    })
    await skiff.api.post(`/containers/${container}/start`)
    await skiff.api.post(`/containers/${container}/wait`)
    await skiff.api.post('/commit', {}, { container, repo: second, tag: '1' })
    await skiff.api.delete(`/containers/${container}`)

    const done = (await push(second, '1')).map(({ status }) => status ?? '')
    expect(done.filter(status => status.startsWith('Mounted from base'))).toHaveLength(1)
    expect(done.filter(status => status === 'Pushed')).toHaveLength(1)
    const again = (await push(second, '1')).map(({ status }) => status)
    expect(again.filter(status => status === 'Layer already exists')).toHaveLength(2)
    for (const name of [first, second]) await remove(`${name}:1`)
  })

  it('that does not know a name is quoted as Docker quotes it', async () => {
    const found = await skiff.api.request('POST', '/images/create', {
      query: { fromImage: `${registry.host}/none`, tag: 'x' },
    })
    expect(found.text).toContain(`manifest for ${registry.host}/none:x not found: manifest unknown: manifest unknown`)
  })

  it('that asks for a password gets it from X-Registry-Auth alone', async () => {
    // user:secret; the hash is bcrypt's, as htpasswd -B writes it.
    const closed = await startRegistry({
      htpasswd: 'user:$2y$05$pS5GSTMJ.B.zpNCG0Aze0.Rp38zF2nyoS5uPX6lpwsT18.YuW7H1q',
    })
    const repo = `${closed.host}/secret`
    await tag('busybox', repo, '1')
    expect(errorOf(await push(repo, '1'))).toBe('no basic auth credentials')
    const login = (password: string) =>
      skiff.api.request('POST', '/auth', { body: { username: 'user', password, serveraddress: closed.host } })
    expect((await login('wrong')).status).toBe(401)
    await remove(`${repo}:1`)
  })
})

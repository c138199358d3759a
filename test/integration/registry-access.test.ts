/** Who may speak to a registry, and over which way: TLS, passwords, tokens, mirrors, proxies. Debian's docker-registry answers. */

import { cp, mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Certificate, makeAuthority, makeCertificate } from '../support/certificates.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { makeImage, makeLayer, startFakeRegistry } from '../support/fake-registry.ts'
import { importBusybox } from '../support/images.ts'
import { errorOf, pull, push, succeeded } from '../support/pulling.ts'
import { startRegistry } from '../support/registry.ts'
import { REFRESH_TOKEN, startTokenServer } from '../support/token-server.ts'

const ME = { username: 'me', password: 'secret' }
const USERS = 'me:$2b$04$EjPqHuAwat9ahDrPL8Dvj.fEG4GOvhppK4pkHizjlW7sMEbpyQVH2'

let skiff: Daemon
/** An address of this machine that is not on the loopback: there a registry has to show who it is. */
let outer: string
let folder: string
let authority: Certificate
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  outer = (await skiff.api.get('/networks/bridge')).IPAM.Config[0].Gateway
  folder = await mkdtemp(join(tmpdir(), 'skiff-test-certificates-'))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  authority = await makeAuthority(folder)
})

const tag = (source: string, repo: string, name: string, daemon = skiff) =>
  daemon.api.post(`/images/${source}/tag`, undefined, { repo, tag: name })
const remove = (name: string, daemon = skiff) => daemon.api.delete(`/images/${name}`, { force: 1 })

/** Pushes busybox there, and pulls it again. */
async function thereAndBack(repo: string, auth?: typeof ME): Promise<void> {
  await tag('busybox', repo, '1')
  await succeeded(push(skiff, repo, '1', auth))
  await remove(`${repo}:1`)
  await succeeded(pull(skiff, repo, '1', auth ? { auth } : {}))
  await remove(`${repo}:1`)
}

describe('TLS', () => {
  /** Puts files into /etc/skiff/certs.d/HOST for as long as the test runs. */
  async function trust(host: string, files: Record<string, string>): Promise<void> {
    const own = join('/etc/skiff/certs.d', host)
    await mkdir(own, { recursive: true })
    disposeLater(async () => {
      await rm(own, { recursive: true, force: true })
      for (const above of ['/etc/skiff/certs.d', '/etc/skiff']) await rmdir(above).catch(() => undefined)
    })
    for (const [name, source] of Object.entries(files)) await cp(source, join(own, name))
  }

  it('needs a certificate that certs.d vouches for', async () => {
    const { host } = await startRegistry({
      address: outer,
      tls: await makeCertificate(folder, 'server', authority, outer),
    })
    expect(errorOf(await pull(skiff, `${host}/web`, '1'))).toMatch(/certificate/)
    await trust(host, { 'ca.crt': authority.certificate })
    await thereAndBack(`${host}/web`)
  })

  it('shows the certificate that the registry asks for', async () => {
    const server = await makeCertificate(folder, 'asking', authority, outer)
    const client = await makeCertificate(folder, 'client', authority)
    const { host } = await startRegistry({ address: outer, tls: { ...server, clientAuthority: authority.certificate } })
    await trust(host, { 'ca.crt': authority.certificate })
    expect(errorOf(await pull(skiff, `${host}/web`, '1'))).toBeTruthy()
    await trust(host, { 'client.cert': client.certificate })
    expect(errorOf(await pull(skiff, `${host}/web`, '1'))).toMatch(/missing key client.key for client certificate/)
    await trust(host, { 'client.key': client.key })
    await thereAndBack(`${host}/web`)
  })

  it('is not checked on the loopback', async () => {
    const { host } = await startRegistry({ tls: await makeCertificate(folder, 'loopback', authority) })
    await thereAndBack(`${host}/web`)
  })

  it.each([
    ['a host and port', (_: string, host: string) => host],
    ['a CIDR', (address: string) => `${address}/16`],
  ])('is not checked, or left out, for insecure-registries with %s', async (_, entry) => {
    const tls = await makeCertificate(folder, 'insecure', await makeAuthority(folder, 'unknown'), outer)
    const [plain, secret] = [await startRegistry({ address: outer }), await startRegistry({ address: outer, tls })]
    const entries = [plain, secret].map(({ host }) => entry(outer, host))
    const trusting = await startDaemon({ config: { 'insecure-registries': [...new Set(entries)] } })
    await importBusybox(trusting)
    for (const { host } of [plain, secret]) {
      expect(errorOf(await pull(skiff, `${host}/web`, '1'))).toBeTruthy()
      await tag('busybox', `${host}/web`, '1', trusting)
      await succeeded(push(trusting, `${host}/web`, '1'))
      await succeeded(pull(trusting, `${host}/web`, '1'))
    }
  })
})

describe('a password', () => {
  it('opens the registry to who has it', async () => {
    const { host } = await startRegistry({ htpasswd: USERS })
    const login = (password: string) =>
      skiff.api.request('POST', '/auth', { body: { username: 'me', password, serveraddress: host } })
    expect(await login('secret')).toMatchObject({ status: 200, json: { Status: 'Login Succeeded' } })
    expect(await login('wrong')).toMatchObject({
      status: 401,
      json: { message: `Get "http://${host}/v2/": unauthorized: authentication required` },
    })
    await tag('busybox', `${host}/web`, '1')
    expect(errorOf(await push(skiff, `${host}/web`, '1'))).toBe('no basic auth credentials')
    // At 401 Docker's client would ask for a password, also where nobody answers.
    const nameless = {
      status: 500,
      json: { message: `Head "http://${host}/v2/web/manifests/1": no basic auth credentials` },
    }
    expect(
      await skiff.api.request('POST', '/images/create', { query: { fromImage: `${host}/web`, tag: '1' } }),
    ).toMatchObject(nameless)
    expect(await skiff.api.request('GET', `/distribution/${host}/web:1/json`)).toMatchObject(nameless)
    expect(errorOf(await push(skiff, `${host}/web`, '1', { ...ME, password: 'wrong' }))).toMatch(/unauthorized/)
    await thereAndBack(`${host}/web`, ME)
    expect(await skiff.log()).not.toMatch(/secret|bWU6c2VjcmV0/)
  })
})

describe('tokens', () => {
  it('are asked for with what is needed, and no more', async () => {
    const tokens = await startTokenServer(authority)
    const { host } = await startRegistry({ token: { realm: tokens.realm, authority: authority.certificate } })
    const login = (password: string) =>
      skiff.api.request('POST', '/auth', { body: { username: 'me', password, serveraddress: host } })
    expect((await login('secret')).status).toBe(200)
    expect((await login('wrong')).status).toBe(401)
    await tag('busybox', `${host}/closed/web`, '1')
    expect(errorOf(await push(skiff, `${host}/closed/web`, '1'))).toMatch(/denied|unauthorized/)
    tokens.asked.length = 0
    await succeeded(push(skiff, `${host}/closed/web`, '1', ME))
    expect(tokens.asked.map(({ scopes }) => scopes.join())).toContain('repository:closed/web:pull,push')
    expect(tokens.asked.every(({ kind }) => kind === 'password')).toBe(true)
    // Leave to read the other repository too: else the layer would be sent once more.
    await tag('busybox', `${host}/open/web`, '1')
    const lines = await succeeded(push(skiff, `${host}/open/web`, '1', ME))
    expect(lines.map(({ status }) => status)).toContain('Mounted from closed/web')
    expect(tokens.asked.some(({ scopes }) => scopes.includes('repository:closed/web:pull'))).toBe(true)

    for (const name of ['closed', 'open']) await remove(`${host}/${name}/web:1`)
    tokens.asked.length = 0
    await succeeded(pull(skiff, `${host}/open/web`, '1'))
    // One token serves the whole pull.
    expect(tokens.asked).toEqual([{ scopes: ['repository:open/web:pull'], kind: 'nobody' }])
    expect(errorOf(await pull(skiff, `${host}/closed/web`, '1'))).toMatch(
      /pull access denied for .*closed\/web, repository does not exist or may require 'docker login'/,
    )
    await succeeded(pull(skiff, `${host}/closed/web`, '1', { auth: { identitytoken: REFRESH_TOKEN } }))
    expect(tokens.asked.at(-1)).toEqual({ scopes: ['repository:closed/web:pull'], kind: 'refresh' })
    for (const name of ['closed', 'open']) await remove(`${host}/${name}/web:1`)
  })
})

describe('registry-mirrors', () => {
  it('stand for Docker Hub: the first that can', async () => {
    const origin = await startFakeRegistry()
    const image = makeImage([await makeLayer({ file: 'mirrored' })])
    origin.add('library/mirrored', 'latest', image)
    const mirror = await startRegistry({ mirrorOf: `http://${origin.host}` })
    const broken = await startFakeRegistry()
    broken.intercept = (_, response) => {
      response.writeHead(404).end()
      return true
    }
    const closed = `http://127.0.0.1:1`
    const config = { 'registry-mirrors': [closed, `http://${broken.host}`, `http://${mirror.host}`] }
    const daemon = await startDaemon({ config })
    const lines = await succeeded(pull(daemon, 'mirrored', 'latest'))
    expect(lines.at(-1)).toEqual({ status: 'Status: Downloaded newer image for mirrored:latest' })
    expect((await daemon.api.get('/images/mirrored/json')).RepoDigests).toEqual([`mirrored@${image.digest}`])
    expect(broken.asked.map(({ url }) => url)).toContain('/v2/library/mirrored/manifests/latest')
    expect(origin.fetches(image.layers[0]!.digest)).not.toHaveLength(0)
    // Other registries have no mirror.
    origin.asked.length = 0
    const other = await startFakeRegistry()
    other.add('library/mirrored', 'latest', image)
    await succeeded(pull(daemon, `${other.host}/library/mirrored`, 'latest'))
    expect(origin.asked).toEqual([])
  })
})

describe('a proxy', () => {
  /** Answers requests for whole URLs, and opens tunnels. */
  async function startProxy(): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      const { method, headers } = request
      const passed = httpRequest(request.url ?? '', { method: method ?? 'GET', headers }, answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      passed.on('error', () => response.destroy())
      request.pipe(passed)
    })
    server.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`)
      const [host = '', port] = (request.url ?? '').split(':')
      const through = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
      through.on('error', () => socket.destroy())
      socket.on('error', () => through.destroy())
      socket.pipe(through).pipe(socket)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    disposeLater(async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    })
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
  }

  it.each(['the environment', 'daemon.json'])('of %s is used, but not where no-proxy says so', async where => {
    const proxy = await startProxy()
    const registry = await startFakeRegistry(outer)
    registry.add('web', '1', makeImage([await makeLayer({ where })]))
    const tls = await makeCertificate(folder, 'proxied', authority, outer)
    const secret = await startRegistry({ address: outer, tls })
    const insecure = { 'insecure-registries': [`${outer}/32`] }
    const start = (no: string) =>
      where === 'daemon.json'
        ? startDaemon({ config: { ...insecure, 'http-proxy': proxy.url, 'https-proxy': proxy.url, 'no-proxy': no } })
        : startDaemon({ config: insecure, env: { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, NO_PROXY: no } })
    const exempt = await startFakeRegistry(outer)
    exempt.add('web', '1', makeImage([await makeLayer({ where: 'directly' })]))
    const daemon = await start(`10.99.99.0/24,${exempt.host}`)
    await succeeded(pull(daemon, `${exempt.host}/web`, '1'))
    expect(proxy.asked).toEqual([])
    await succeeded(pull(daemon, `${registry.host}/web`, '1'))
    expect(proxy.asked).toContain(`GET http://${registry.host}/v2/web/manifests/1`)
    await pull(daemon, `${secret.host}/none`, '1')
    expect(proxy.asked).toContain(`CONNECT ${secret.host}`)
  })
})

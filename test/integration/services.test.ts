/** Real servers from Debian's packages: reached from the machine, from another host and from each other; and the daemon goes and comes. */

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Json } from '../support/client.ts'
import { exec, inspect, remove, start } from '../support/containers.ts'
import { disposeLater } from '../support/disposal.ts'
import { importServices } from '../support/images.ts'
import {
  eventually,
  type NetworkedDaemon,
  type OtherHost,
  otherHost,
  startNetworkedDaemon,
} from '../support/network.ts'
import { type Client, hostClient, mariadb, nginx, redis, remoteClient } from '../support/services.ts'

let skiff: NetworkedDaemon
let neighbour: OtherHost
let here: Client
let there: Client
beforeAll(async () => {
  skiff = await startNetworkedDaemon()
  await importServices(skiff)
  neighbour = await otherHost(skiff.addresses.free)
  const idle = await start(skiff, { Image: 'services', Cmd: ['sleep', '100000'], StopSignal: 'SIGKILL' })
  here = await hostClient(skiff, idle)
  there = await remoteClient(skiff, idle, neighbour)
  await remove(skiff, idle)
}, 180_000)

const published = (port: number) => ({ PortBindings: { [`${port}/tcp`]: [{ HostPort: '' }] } })
const portOf = async (id: string, port: number): Promise<string> =>
  (await inspect(skiff, id)).NetworkSettings.Ports[`${port}/tcp`][0].HostPort
const inside = async (id: string, ...command: string[]): Promise<string> => {
  const { stdout, stderr, exitCode } = await exec(skiff, id, command)
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${exitCode} ${stdout}${stderr}`)
  return stdout.trimEnd()
}
const hostFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(skiff.dataRoot, '../site-'))
  disposeLater(() => rm(folder, { recursive: true, force: true }))
  // nginx reads it as www-data.
  await chmod(folder, 0o755)
  return folder
}
const writePage = (folder: string, text: string): Promise<void> =>
  writeFile(join(folder, 'page.txt'), text, { mode: 0o644 })

test('redis is reached with redis-cli through a published port, from both sides', async () => {
  const id = await start(skiff, redis(published(6379)))
  const port = await portOf(id, 6379)
  await eventually(() => here.run('redis-cli', '-h', '127.0.0.1', '-p', port, 'SET', 'key', 'from the machine'))
  expect(await there.run('redis-cli', '-h', neighbour.machine, '-p', port, 'GET', 'key')).toBe('from the machine')
  const clients = await there.run('redis-cli', '-h', neighbour.machine, '-p', port, 'CLIENT', 'LIST')
  expect(clients).toContain(`addr=${neighbour.address}:`)
  expect(await here.run('redis-cli', '-h', '::1', '-p', port, 'GET', 'key')).toBe('from the machine')
  await remove(skiff, id)
})

test('nginx serves a mounted folder; what changes on the machine is served at once', async () => {
  const folder = await hostFolder()
  await writePage(folder, 'one')
  const id = await start(skiff, nginx({ ...published(80), Binds: [`${folder}:/var/www/html:ro`] }))
  const port = await portOf(id, 80)
  const [near, far] = [`http://localhost:${port}/page.txt`, `http://${neighbour.machine}:${port}/page.txt`]
  expect(await eventually(() => here.run('curl', '-sSf', near))).toBe('one')
  expect(await there.run('curl', '-sSf', far)).toBe('one')
  await writePage(folder, 'two')
  expect(await there.run('curl', '-sSf', far)).toBe('two')
  expect(await here.run('curl', '-sSf', near)).toBe('two')
  expect((await inside(id, 'cat', '/var/log/nginx/access.log')).split('\n').map(line => line.split(' ')[0])).toContain(
    neighbour.address,
  )
  await remove(skiff, id)
})

test('mariadb’s rows are on its volume, and outlive the container', async () => {
  const place = { ...published(3306), Binds: ['rows:/var/lib/mysql'] }
  const query = async (client: Client, host: string, id: string, sql: string): Promise<string> =>
    client.run('mariadb', '-h', host, '-P', await portOf(id, 3306), '-u', 'app', '-papp', '-N', 'app', '-e', sql)
  const first = await start(skiff, mariadb(place))
  await eventually(() => query(here, '127.0.0.1', first, 'SELECT 1'))
  await query(there, neighbour.machine, first, 'CREATE TABLE t (n INT); INSERT INTO t VALUES (4), (2)')
  const { Mountpoint } = await skiff.api.get('/volumes/rows')
  expect(Mountpoint).toContain('rows')
  await remove(skiff, first)
  const second = await start(skiff, mariadb(place))
  expect(await eventually(() => query(here, '127.0.0.1', second, 'SELECT n FROM t ORDER BY n'))).toBe('2\n4')
  expect(await query(there, neighbour.machine, second, 'SELECT SUM(n) FROM t')).toBe('6')
  // The image's folder belongs to mysql, and so the volume does.
  expect(await inside(second, 'stat', '-c', '%U:%G', '/var/lib/mysql')).toBe('mysql:mysql')
  await remove(skiff, second)
  await skiff.api.delete('/volumes/rows')
})

test('services find each other by name on a user’s network, and by --link on the default bridge', async () => {
  await skiff.api.post('/networks/create', { Name: 'app' })
  const cache = await start(skiff, redis({ NetworkMode: 'app' }), 'cache')
  const web = await start(skiff, nginx({ NetworkMode: 'app' }), 'web')
  expect(await eventually(() => inside(web, 'redis-cli', '-h', 'cache', 'PING'))).toBe('PONG')
  expect(
    await eventually(() => inside(cache, 'curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', 'http://web/')),
  ).toBe('200')
  const store = await start(skiff, redis({}), 'store')
  const linked = await start(skiff, nginx({ Links: ['store:db'] }))
  expect(await eventually(() => inside(linked, 'redis-cli', '-h', 'db', 'PING'))).toBe('PONG')
  expect(await inside(linked, 'sh', '-c', 'redis-cli -h $DB_PORT_6379_TCP_ADDR -p $DB_PORT_6379_TCP_PORT PING')).toBe(
    'PONG',
  )
  await Promise.all([cache, web, store, linked].map(id => remove(skiff, id)))
  await skiff.api.delete('/networks/app')
})

/** A connection that stays open, in redis' inline protocol. */
function openRedis(port: string): { ask(command: string): Promise<string>; socket: Socket } {
  const socket = connect(Number(port), '127.0.0.1').setEncoding('utf8')
  const ask = (command: string): Promise<string> =>
    new Promise((resolve, reject) => {
      socket.once('data', text => resolve(String(text).trim()))
      socket.once('close', () => reject(new Error('the connection is gone')))
      socket.write(`${command}\r\n`)
    })
  return { ask, socket }
}

describe.each([
  ['in good order', () => skiff.terminate()],
  ['killed', () => skiff.kill9()],
])('the daemon goes %s while all of them run', (_, go) => {
  test('nobody notices, and its successor takes over', async () => {
    const folder = await hostFolder()
    await writePage(folder, 'before')
    await skiff.api.post('/networks/create', { Name: 'app' })
    const cache = await start(skiff, redis({ NetworkMode: 'app', ...published(6379) }), 'cache')
    const web = await start(
      skiff,
      nginx({ NetworkMode: 'app', ...published(80), Binds: [`${folder}:/var/www/html:ro`] }),
      'web',
    )
    const rows = await start(skiff, mariadb({ NetworkMode: 'app', Binds: ['rows:/var/lib/mysql'] }), 'rows')
    const [redisPort, webPort] = [await portOf(cache, 6379), await portOf(web, 80)]
    const page = `http://${neighbour.machine}:${webPort}/page.txt`
    const sql = ['mariadb', '-h', 'rows', '-u', 'app', '-papp', '-N', 'app', '-e']
    await eventually(() => here.run('redis-cli', '-h', '127.0.0.1', '-p', redisPort, 'PING'))
    await eventually(() => there.run('curl', '-sSf', page))
    await eventually(() => inside(web, ...sql, 'CREATE TABLE IF NOT EXISTS t (n INT); INSERT INTO t VALUES (1)'))
    // A connection from the machine through the published port, and one from container to container.
    const open = openRedis(redisPort)
    expect(await open.ask('SET state kept')).toBe('+OK')
    const listener = await start(
      skiff,
      { ...redis({ NetworkMode: 'app' }), Cmd: ['redis-cli', '-h', 'cache', 'SUBSCRIBE', 'news'] },
      'listener',
    )
    await eventually(
      () => open.ask('PUBSUB NUMSUB news'),
      text => text.endsWith(':1'),
    )

    await go()
    expect(await open.ask('GET state')).toContain('kept')
    await writePage(folder, 'meanwhile')
    expect(await there.run('curl', '-sSf', page)).toBe('meanwhile')
    // It reaches the listener, whose connection is as old as the daemon that is gone.
    expect(await open.ask('PUBLISH news headline')).toBe(':1')

    await skiff.restart()
    expect(await inside(web, 'redis-cli', '-h', 'cache', 'GET', 'state')).toBe('kept')
    expect(await inside(web, ...sql, 'SELECT n FROM t')).toBe('1')
    expect(await open.ask('GET state')).toContain('kept')
    open.socket.destroy()
    expect(await there.run('redis-cli', '-h', neighbour.machine, '-p', redisPort, 'GET', 'state')).toBe('kept')
    expect(await here.run('curl', '-sSf', `http://localhost:${webPort}/page.txt`)).toBe('meanwhile')
    expect(String(await skiff.api.bytes(`/containers/${listener}/logs`, { stdout: 1 }))).toContain('headline')
    await Promise.all([cache, web, rows, listener].map(id => remove(skiff, id)))
    await skiff.api.delete('/networks/app')
    await skiff.api.delete('/volumes/rows')
  })
})

test('explain shows what stands in the kernel for one of them', async () => {
  await skiff.api.post('/networks/create', { Name: 'app' })
  const id = await start(skiff, redis({ NetworkMode: 'app', ...published(6379) }))
  const port = await portOf(id, 6379)
  const { network }: Json = await skiff.api.get(`/containers/${id}/explain`, { format: 'json' })
  const settings = (await inspect(skiff, id)).NetworkSettings.Networks.app
  const [link] = network.interfaces
  expect(link).toMatchObject({ network: 'app', name: 'eth0', mac: settings.MacAddress })
  expect(link.addresses).toContain(`${settings.IPAddress}/${settings.IPPrefixLen}`)
  // What the container itself sees is the other end's number.
  expect(await inside(id, 'cat', '/sys/class/net/eth0/iflink')).toBe(String(link.peer.index))
  expect(network.routes).toContain(`default via ${settings.Gateway} dev eth0`)
  const commands: { command: string; why: string }[] = network.commands
  expect(commands.filter(({ command }) => command.includes(`. ${port} : ${settings.IPAddress} . 6379`)).length).toBe(1)
  expect(commands.every(({ why }) => why !== '')).toBe(true)
  await remove(skiff, id)
  await skiff.api.delete('/networks/app')
})

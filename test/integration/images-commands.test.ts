/** Docker's client on images of both engines, which have the same ones: the same words, the same output, the same exit code. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CliResult, cli, cliOk } from '../support/cli.ts'
import { startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import type { Engine } from '../support/engine.ts'
import { makeLayer } from '../support/fake-registry.ts'
import { fixture, importBusybox } from '../support/images.ts'
import { temporaryFolder } from '../support/layer-room.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let reference: Engine
let skiff: Engine
/** busybox; one on top of it; two on top of one. */
let archive: string
let busyboxId: string
beforeAll(async () => {
  const daemon = await startDaemon()
  // Docker's client, so that only the engines differ.
  skiff = { ...daemon, api: daemon.api, command: ['docker', '-H', `unix://${daemon.socket}`] } as Engine
  reference = await startReferenceEngine()
  await importBusybox(reference)
  const step = async (from: string, to: string, ...options: string[]) => {
    // Images are listed by their second: no two of one.
    await sleep(1100)
    const id = await cliOk(reference, ['create', from, 'sh'])
    await cliOk(reference, ['cp', await fixture('busybox-image.tar'), `${id}:/${to.replace(':', '-')}`])
    await cliOk(reference, ['commit', ...options, id, to])
    await cliOk(reference, ['rm', id])
  }
  await step('busybox', 'one:1', '-m', 'a message', '-a', 'me', '-c', 'LABEL team=a', '-c', 'CMD ["x", "y"]')
  await step('one:1', 'two:1')
  archive = join(await temporaryFolder(), 'all.tar')
  await cliOk(reference, ['save', '-o', archive, 'busybox', 'one:1', 'two:1'])
  busyboxId = await cliOk(reference, ['images', '-q', '--no-trunc', 'busybox'])
  await cliOk(reference, ['rmi', '-f', 'two:1', 'one:1', 'busybox'])
}, 240_000)

/** In order: what one command changes the next one finds. */
const WORDS = [
  'load -q -i ARCHIVE',
  'load -i ARCHIVE',
  'images --format {{.ID}}|{{.Repository}}|{{.Tag}}|{{.Digest}}|{{.Size}}|{{.CreatedAt}}',
  'images -aq --no-trunc',
  'images -q one',
  'images -q o*',
  'images -q nope',
  'images -q -f label=team',
  'images -q -f label=team=b',
  'images -q -f before=two:1',
  'images -q -f since=busybox',
  'images -q -f since=nope',
  'images -q -f reference=t*:*',
  'images -q -f dangling=true',
  'history --no-trunc -H=false two:1',
  'history -q one:1',
  'history nope',
  'image inspect -f {{.Id}}|{{.Parent}}|{{.Comment}}|{{.Author}}|{{.Size}}|{{.RootFS.Layers}}|{{.Config.Cmd}}|{{.Metadata.LastTagTime}} one:1 two:1',
  'tag one:1 x',
  'tag one:1 x:y:z',
  'tag nope x',
  'tag one:1 127.0.0.1:1/a/b',
  'rmi nope',
  'rmi -f nope',
  'rmi one',
  'rmi one:1 x:latest',
  // Two is built upon it: it stays, without a name.
  'rmi 127.0.0.1:1/a/b',
  'images -aq --no-trunc',
  'images -q',
  // And goes with it.
  'rmi two:1',
  'load -i ARCHIVE',
  'save nope',
  'save -o /nope/x busybox',
  'image prune -f',
  'create --name user two:1 sh',
  'rmi two:1',
  // The container's layers stay.
  'rmi -f two:1',
  'images -aq --no-trunc',
  'rmi busybox one:1',
  'rm user',
  'images -aq --no-trunc',
  'load -q -i ARCHIVE',
  'create --name user busybox sh',
  'rmi busybox',
  `rmi BUSYBOX`,
  'rmi -f BUSYBOX',
  'rm user',
  'rmi -f two:1 one:1',
  'images -aq --no-trunc',
  'import /nope x',
  'image rm',
]

describe('image commands', () => {
  it('do and say the same on either engine', async () => {
    for (const words of WORDS) {
      const args = words.split(' ').map(word => word.replace('ARCHIVE', archive).replace('BUSYBOX', busyboxId))
      const [theirs, ours] = [await cli(reference, args), await cli(skiff, args)]
      expect({ words, ...comparable(ours) }).toEqual({ words, ...comparable(theirs) })
    }
  }, 240_000)

  /** Ids of containers are each engine's own, and so is the order in which an archive's images are told. */
  function comparable({ code, stdout, stderr }: CliResult): CliResult {
    const plain = (text: string) =>
      text.replace(/container [0-9a-f]{12}/, 'container ID').replace(/^[0-9a-f]{64}$/m, 'ID')
    const lines = plain(stdout).split('\n')
    return {
      code,
      stdout: (stdout.startsWith('Loaded image') ? lines.sort() : lines).join('\n'),
      stderr: plain(stderr),
    }
  }
})

it('an import from a web server follows redirects, shows how far it is, and says what is wrong', async () => {
  const { bytes } = await makeLayer({ file: 'content' })
  const server = createServer(({ url }, response) => {
    if (url === '/moved') response.writeHead(302, { Location: '/root.tar.gz' }).end()
    else if (url === '/root.tar.gz') response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes)
    else if (url === '/loop') response.writeHead(302, { Location: '/loop' }).end()
    else if (url === '/cut')
      response.writeHead(200, { 'Content-Length': bytes.length }).write(bytes.subarray(0, 50), () => response.destroy())
    else response.writeHead(404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  disposeLater(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fetched = await cli(skiff, ['import', `${base}/moved`, 'fetched'])
  expect(fetched).toMatchObject({ code: 0, stdout: expect.stringContaining(`Downloading from ${base}/moved\n`) })
  expect(await cliOk(skiff, ['images', '-q', '--no-trunc', 'fetched'])).toBe(/sha256:\w+/.exec(fetched.stdout)?.[0])
  for (const [path, message] of [
    ['/none', `failed to GET ${base}/none with status 404 Not Found`],
    ['/loop', 'stopped after 10 redirects'],
    ['/cut', ''],
  ]) {
    const failed = await cli(skiff, ['import', `${base}${path}`, 'broken'])
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining(message ?? '') })
  }
  expect(await cliOk(skiff, ['images', '-q', 'broken'])).toBe('')
  await cliOk(skiff, ['rmi', 'fetched'])
})

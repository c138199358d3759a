/** dockerode, Node's client, which Testcontainers is built on. */

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { beforeAll, expect, test } from 'vitest'
import { disposeLater } from '../support/disposal.ts'
import { fixture, importBusybox } from '../support/images.ts'
import { isReference, startSubject } from './subject.ts'

let docker: Docker
beforeAll(async () => {
  const engine = await startSubject()
  await importBusybox(engine)
  docker = new Docker({ socketPath: engine.socket, version: isReference ? 'v1.41' : 'v1.47' })
})

async function create(spec: Docker.ContainerCreateOptions): Promise<Docker.Container> {
  const container = await docker.createContainer({ Image: 'busybox', HostConfig: { NetworkMode: 'none' }, ...spec })
  disposeLater(async () => {
    await container.remove({ force: true, v: true }).catch((error: { statusCode: number }) => {
      if (error.statusCode !== 404) throw error
    })
  })
  return container
}

async function sleeper(): Promise<Docker.Container> {
  const container = await create({ Cmd: ['sleep', '1000'] })
  await container.start()
  return container
}

/** dockerode takes frames apart, but does not end the outputs. */
async function split(stream: NodeJS.ReadableStream) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  docker.modem.demuxStream(stream, stdout, stderr)
  stream.once('end', () => {
    stdout.end()
    stderr.end()
  })
  const [out, err] = await Promise.all([text(stdout), text(stderr)])
  return { stdout: out, stderr: err }
}

test('run writes what the container writes and answers how it ended', async () => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const [{ StatusCode }] = await docker.run(
    'busybox',
    ['sh', '-c', 'echo out; echo err >&2; exit 2'],
    [stdout, stderr],
    {
      Tty: false,
      HostConfig: { NetworkMode: 'none', AutoRemove: true },
    },
  )
  stdout.end()
  stderr.end()
  expect([StatusCode, await text(stdout), await text(stderr)]).toEqual([2, 'out\n', 'err\n'])
})

test('attach with hijack: input, half-close, output', async () => {
  const container = await create({ Cmd: ['cat'], OpenStdin: true, StdinOnce: true })
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true })
  await container.start()
  stream.end('typed')
  expect(await split(stream)).toEqual({ stdout: 'typed', stderr: '' })
  expect(await container.wait()).toMatchObject({ StatusCode: 0 })
})

test('attach without hijack, the old form: output', async () => {
  const container = await create({ Cmd: ['echo', 'hello'] })
  const stream = await container.attach({ stream: true, stdout: true, stderr: true })
  await container.start()
  expect(await split(stream)).toEqual({ stdout: 'hello\n', stderr: '' })
})

// Docker takes the chunks of the request's body for the input itself.
test.skipIf(isReference)('attach without hijack: input', async () => {
  const container = await create({ Cmd: ['head', '-c', '5'], OpenStdin: true, StdinOnce: true })
  const stream = await container.attach({ stream: true, stdin: true, stdout: true })
  await container.start()
  stream.write('typed')
  expect(await split(stream)).toEqual({ stdout: 'typed', stderr: '' })
})

test.each([true, false])('exec (hijack: %s)', async hijack => {
  const container = await sleeper()
  const exec = await container.exec({
    Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'],
    AttachStdout: true,
    AttachStderr: true,
  })
  expect(await split(await exec.start({ hijack }))).toEqual({ stdout: 'out\n', stderr: 'err\n' })
  expect(await exec.inspect()).toMatchObject({ ExitCode: 3, Running: false, ContainerID: container.id })
})

test('exec with input on a terminal, resized', async () => {
  const container = await sleeper()
  const exec = await container.exec({ Cmd: ['sh'], AttachStdin: true, AttachStdout: true, Tty: true })
  const stream = await exec.start({ hijack: true, stdin: true, Tty: true })
  await exec.resize({ h: 31, w: 91 })
  stream.write('until [ "$(stty size)" = "31 91" ]; do sleep 0.05; done; exit\n')
  await text(stream)
  expect(await exec.inspect()).toMatchObject({ ExitCode: 0, ProcessConfig: { tty: true, entrypoint: 'sh' } })
})

test('logs, whole and followed', async () => {
  const container = await create({ Cmd: ['sh', '-c', 'echo 1; while [ ! -e /go ]; do sleep 0.05; done; echo 2'] })
  await container.start()
  const followed = await container.logs({ follow: true, stdout: true, stderr: true })
  const exec = await container.exec({ Cmd: ['touch', '/go'] })
  await exec.start({ Detach: true })
  expect(await split(followed)).toEqual({ stdout: '1\n2\n', stderr: '' })
  expect(await split(Readable.from([await container.logs({ stdout: true, tail: 1 })]))).toEqual({
    stdout: '2\n',
    stderr: '',
  })
})

test('list and inspect', async () => {
  const container = await sleeper()
  const listed = await docker.listContainers({ filters: { id: [container.id] } })
  expect(listed).toMatchObject([
    { Id: container.id, Image: 'busybox', State: 'running', HostConfig: { NetworkMode: 'none' } },
  ])
  expect(await container.inspect()).toMatchObject({
    State: { Running: true, Pid: expect.any(Number) },
    NetworkSettings: { Networks: { none: {} } },
    Mounts: [],
  })
})

test('errors have a status and a message', async () => {
  await expect(docker.getContainer('nosuch').inspect()).rejects.toMatchObject({
    statusCode: 404,
    json: { message: 'No such container: nosuch' },
  })
  const container = await sleeper()
  await expect(container.start()).rejects.toMatchObject({ statusCode: 304 })
})

test('files go in and out as archives', async () => {
  const container = await sleeper()
  await container.putArchive(await fixture('busybox.tar'), { path: '/tmp' })
  const archive = await container.getArchive({ path: '/tmp/bin/busybox' })
  expect((await buffer(archive)).length).toBeGreaterThan(100_000)
  const { headers } = (await container.infoArchive({ path: '/tmp/bin' })) as unknown as {
    headers: Record<string, string>
  }
  const stat = JSON.parse(Buffer.from(headers['x-docker-container-path-stat'] ?? '', 'base64').toString())
  // The highest bit is Go's for a folder.
  expect([stat.name, stat.mode >= 2 ** 31]).toEqual(['bin', true])
})

test('statistics, once', async () => {
  const container = await sleeper()
  const stats = await container.stats({ stream: false })
  expect(stats).toMatchObject({ id: container.id, pids_stats: { current: 1 } })
  expect(stats.precpu_stats.system_cpu_usage).toBeGreaterThan(0)
})

test('images: load with progress, tag, inspect, history, remove', async () => {
  const progress = await docker.loadImage(createReadStream(await fixture('busybox-image.tar')))
  expect(await text(progress)).toContain('Loaded image: busybox:latest')
  const image = docker.getImage('busybox:latest')
  await image.tag({ repo: 'copy', tag: '1' })
  const listed = await docker.listImages({ filters: { reference: ['copy'] } })
  expect(listed).toMatchObject([{ RepoTags: expect.arrayContaining(['copy:1']) }])
  expect((await image.history()).length).toBeGreaterThan(0)
  expect(await docker.getImage('copy:1').remove()).toEqual([{ Untagged: 'copy:1' }])
})

test('events are told while they happen', async () => {
  const events = await docker.getEvents({ filters: { event: ['create'], type: ['container'] } })
  const container = await create({ Cmd: ['true'] })
  const [line] = (await once(events, 'data')) as [Buffer]
  expect(JSON.parse(line.toString())).toMatchObject({
    Type: 'container',
    Action: 'create',
    Actor: { ID: container.id },
  })
  ;(events as Readable).destroy()
})

test('wait for the next exit, asked before the start', async () => {
  const container = await create({ Cmd: ['sh', '-c', 'exit 5'] })
  const waiting = container.wait({ condition: 'next-exit' })
  await container.start()
  expect(await waiting).toMatchObject({ StatusCode: 5 })
})

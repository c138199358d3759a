/** Real clients that build: `docker build` with the classic builder, docker-compose, dockerode, docker-py. */

import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import Docker from 'dockerode'
import { beforeAll, expect, test } from 'vitest'
import { cli, cliOk, openCommand } from '../support/cli.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { temporaryFolder } from '../support/layer-room.ts'
import { isReference, startSubject } from './subject.ts'

let engine: Engine
let folder: string
beforeAll(async () => {
  engine = await startSubject()
  await importBusybox(engine)
  folder = await temporaryFolder()
  await mkdir(join(folder, 'web'))
  const dockerfile =
    'FROM busybox AS base\nARG WHO=nobody\nRUN echo hello $WHO >/hello\nFROM base\nCOPY file /file\nCMD cat /hello /file'
  await writeFile(join(folder, 'web/Dockerfile'), dockerfile)
  await writeFile(join(folder, 'web/file'), 'content\n')
  await writeFile(join(folder, 'web/left-out'), 'x'.repeat(100_000))
  await writeFile(join(folder, 'web/.dockerignore'), 'left-out\n')
})

const CLASSIC = { DOCKER_BUILDKIT: '0' }
const run = (image: string): Promise<string> => cliOk(engine, ['run', '--rm', '--network', 'none', image])

test('docker build: lines, names, the ID in a file, the exit code of a command that fails', async () => {
  const words = [
    'build',
    '--network',
    'none',
    '-t',
    'one',
    '-t',
    'two:tag',
    '--build-arg',
    'WHO=docker',
    '--iidfile',
    join(folder, 'iid'),
  ]
  const shown = await cliOk(engine, [...words, join(folder, 'web')], { env: CLASSIC })
  expect(shown).toMatch(/^Sending build context to Docker daemon\s+[0-9.]+kB/)
  expect(shown).toMatch(/Step 1\/6 : FROM busybox AS base\n ---> [0-9a-f]{12}\n/)
  expect(shown).toMatch(
    / ---> Running in [0-9a-f]{12}\nRemoving intermediate container [0-9a-f]{12}\n ---> [0-9a-f]{12}\n/,
  )
  expect(shown).toMatch(/Successfully built [0-9a-f]{12}\nSuccessfully tagged one:latest\nSuccessfully tagged two:tag$/)
  expect(await run('two:tag')).toBe('hello docker\ncontent')
  const quiet = await cliOk(
    engine,
    ['build', '-q', '--network', 'none', '--build-arg', 'WHO=docker', join(folder, 'web')],
    { env: CLASSIC },
  )
  expect(quiet).toBe(await cliOk(engine, ['inspect', '-f', '{{.Id}}', 'one']))
  const failed = await cli(engine, ['build', '--network', 'none', '-'], {
    env: CLASSIC,
    stdin: 'FROM busybox\nRUN echo said; exit 42',
  })
  expect([failed.code, failed.stdout]).toEqual([42, expect.stringContaining('said\n')])
  expect(failed.stderr).toContain("The command '/bin/sh -c echo said; exit 42' returned a non-zero code: 42")
  // An image on the way is one that can be looked at, and goes with the one that it led to.
  const [, step = ''] = / ---> ([0-9a-f]{12})\nStep 4/.exec(shown) ?? []
  expect(await cliOk(engine, ['run', '--rm', '--network', 'none', step, 'cat', '/hello'])).toBe('hello docker')
})

const hasCompose = spawnSync('docker-compose', ['--version']).status === 0

test.skipIf(!hasCompose)('docker-compose: up --build', async () => {
  const service = [
    'services:',
    '  web:',
    '    build:',
    '      context: web',
    '      network: none',
    '      args: {WHO: compose}',
    '    image: composed',
    '    network_mode: none',
  ]
  await writeFile(join(folder, 'docker-compose.yml'), ['version: "3.4"', ...service].join('\n'))
  const env = { ...CLASSIC, DOCKER_HOST: `unix://${engine.socket}`, COMPOSE_DOCKER_CLI_BUILD: '0' }
  const up = await openCommand(['docker-compose', '-p', 'builds', 'up', '--build'], { cwd: folder, env }).result
  expect(up.stdout + up.stderr).toContain('Successfully tagged composed:latest')
  expect(stripVTControlCharacters(up.stdout)).toMatch(/web_1\s+\| hello compose/)
  await openCommand(['docker-compose', '-p', 'builds', 'down', '--rmi', 'all'], { cwd: folder, env }).result
  expect((await cli(engine, ['inspect', 'composed'])).code).toBe(1)
})

test('dockerode: buildImage and followProgress', async () => {
  const docker = new Docker({ socketPath: engine.socket, version: isReference ? 'v1.41' : 'v1.47' })
  const context = { context: join(folder, 'web'), src: ['Dockerfile', 'file'] }
  const stream = await docker.buildImage(context, {
    t: 'by-dockerode',
    buildargs: { WHO: 'dockerode' },
    networkmode: 'none',
  })
  const lines = await new Promise<{ stream?: string; aux?: { ID: string } }[]>((resolve, reject) =>
    docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output))),
  )
  const id = lines.findLast(line => line.aux?.ID)?.aux?.ID
  expect((await docker.getImage('by-dockerode').inspect()).Id).toBe(id)
  expect(await run('by-dockerode')).toBe('hello dockerode\ncontent')
})

const hasPython = spawnSync('python3', ['-c', 'import docker']).status === 0

test.skipIf(!hasPython)('docker-py: images.build, and its BuildError', async () => {
  const script = [
    'import docker, sys',
    `client = docker.DockerClient(base_url="unix://${engine.socket}")`,
    'image, log = client.images.build(path=sys.argv[1], tag="by-py", buildargs={"WHO": "py"}, network_mode="none", rm=True)',
    'assert image.id == client.images.get("by-py").id',
    'import io',
    'try:',
    '    client.images.build(fileobj=io.BytesIO(b"FROM busybox\\nRUN exit 3"), network_mode="none")',
    'except docker.errors.BuildError as error:',
    '    print(error)',
  ].join('\n')
  const { stdout, stderr } = await openCommand(['python3', '-c', script, join(folder, 'web')]).result
  expect(stdout + stderr).toBe("The command '/bin/sh -c exit 3' returned a non-zero code: 3\n")
  expect(await run('by-py')).toBe('hello py\ncontent')
})

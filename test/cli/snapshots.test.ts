/** skiff snapshot, reset and run --from-snapshot, as they are typed. */

import { beforeAll, expect, test } from 'vitest'
import { cli, cliOk } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
  const script = 'trap "exit 0" TERM; while :; do sleep 0.02; done'
  await cliOk(skiff, ['run', '-d', '--name', 'db', '-v', '/data', 'busybox', 'sh', '-c', script])
  await cliOk(skiff, ['exec', 'db', 'sh', '-c', 'echo 1 >/one; echo 1 >/data/one'])
  expect(await cliOk(skiff, ['snapshot', 'create', '--stop', '-v', 'db', 'loaded'])).toBe('loaded')
})

test('a snapshot is listed in every form', async () => {
  const rows = (await cliOk(skiff, ['snapshot', 'ls'])).split('\n')
  expect(rows[0]).toMatch(/^SNAPSHOT +CONTAINER +IMAGE +CREATED +USED BY +SIZE$/)
  expect(rows[1]).toMatch(/^loaded +db +busybox +.* ago +db +4B$/)
  expect(await cliOk(skiff, ['snapshot', 'ls', '-q'])).toBe('loaded')
  const format = '{{.Name}} {{.Container}} {{.Volumes}} {{.UsedBy}}'
  expect(await cliOk(skiff, ['snapshot', 'list', '--format', format])).toBe('loaded db /data db')
  const line = JSON.parse(await cliOk(skiff, ['snapshot', 'ls', '--format', 'json']))
  expect(line).toMatchObject({ Name: 'loaded', Container: 'db', Size: '4B' })
  const [inspected] = JSON.parse(await cliOk(skiff, ['snapshot', 'inspect', 'loaded']))
  expect(inspected).toMatchObject({ Name: 'loaded', ContainerName: 'db', Driver: 'overlay2', Size: 4 })
  expect(await cliOk(skiff, ['snapshot', 'inspect', '-f', '{{.Image}}', 'loaded'])).toBe('busybox')
})

test('a container goes back to it', async () => {
  const look = ['exec', 'db', 'cat', '/one', '/data/one']
  await cliOk(skiff, ['exec', 'db', 'sh', '-c', 'echo 2 >/one; echo 2 >/data/one'])
  expect(await cliOk(skiff, ['reset', '--kill', 'db'])).toBe('db')
  expect(await cliOk(skiff, look)).toBe('1\n1')
  await cliOk(skiff, ['exec', 'db', 'rm', '/one'])
  expect(await cliOk(skiff, ['container', 'reset', '-t', '1', 'db', 'loaded'])).toBe('db')
  expect(await cliOk(skiff, look)).toBe('1\n1')
})

test('others begin at it, and need name no image', async () => {
  const run = ['run', '--rm', '--from-snapshot', 'loaded']
  expect(await cliOk(skiff, [...run, 'cat', '/one', '/data/one'])).toBe('1\n1')
  await cliOk(skiff, ['create', '--name', 'other', '--from-snapshot=loaded'])
  expect(await cliOk(skiff, ['inspect', '-f', '{{.Config.Image}} {{.Path}}', 'other'])).toBe('busybox sh')
  expect(await cliOk(skiff, ['explain', 'run', '--from-snapshot', 'loaded', 'true'])).toMatch(/frozen 1 +\S+\/_1\n/)
  await cliOk(skiff, ['rm', '-v', 'other'])
})

test.each([
  [['snapshot', 'create', 'db', 'torn'], 1, 'container db runs: stop it first'],
  [['snapshot', 'create', '--stop', '--pause', 'db', 'torn'], 1, 'choose one of --stop and --pause'],
  [['snapshot', 'create', '--stop', 'db', 'loaded'], 1, 'is already in use'],
  [['snapshot', 'create', 'db'], 1, 'requires 2 arguments'],
  [['snapshot', 'rm', 'loaded'], 1, 'it is in use by container db'],
  [['snapshot', 'rm', 'nope'], 1, 'No such snapshot: nope'],
  [['snapshot', 'inspect', 'nope'], 1, 'No such snapshot: nope'],
  [['reset', 'db', 'nope'], 1, 'No such snapshot: nope'],
  [['reset', 'nobody'], 1, 'No such container: nobody'],
  [['reset', '--kill', '-t', '3', 'db'], 1, 'conflicting options'],
  [['run', '--from-snapshot', 'nope'], 125, 'No such snapshot: nope'],
  [['explain', 'run', '--from-snapshot', 'nope'], 1, 'No such snapshot: nope'],
])('%j is refused', async (words, code, message) => {
  expect(await cli(skiff, words)).toMatchObject({ code, stderr: expect.stringContaining(message) })
})

test('a volume that is left out is named', async () => {
  const { code, stdout, stderr } = await cli(skiff, ['snapshot', 'create', '--pause', 'db', 'bare'])
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'bare\n' })
  expect(stderr).toMatch(
    /^WARNING: the volume [0-9a-f]{64} at \/data is not in the snapshot: --volumes takes volumes, too\n$/,
  )
  expect(await cliOk(skiff, ['snapshot', 'rm', 'bare'])).toBe('bare')
})

/** skiff compose on skiff's daemon: projects as users type them, and what is there afterwards. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../cli/free-port.ts'
import { type CliOptions, type CliResult, cli, cliOk, open } from '../support/cli.ts'
import type { Json } from '../support/client.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { disposeLater } from '../support/disposal.ts'
import { importBusybox } from '../support/images.ts'
import { startRegistry } from '../support/registry.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

interface Folder {
  readonly path: string
  write(name: string, text: string): Promise<void>
  /** Runs `skiff compose …` there. */
  compose(args: readonly string[], options?: CliOptions): Promise<CliResult>
  /** The same, which must succeed. */
  ok(...args: string[]): Promise<string>
  containers(): Promise<Json[]>
  /** By service and number: `web 1`. */
  ids(): Promise<Record<string, string>>
}

let count = 0

/** A project with a name of its own; it is taken down after the test. */
async function project(files: Record<string, string>): Promise<Folder> {
  const parent = await mkdtemp(join(tmpdir(), 'skiff-compose-'))
  const path = join(parent, `p${++count}`)
  await mkdir(path)
  const write = (name: string, text: string) => writeFile(join(path, name), text)
  for (const [name, text] of Object.entries(files)) await write(name, text)
  const compose = (args: readonly string[], options: CliOptions = {}) =>
    cli(skiff, ['compose', ...args], { cwd: path, ...options })
  const containers = () =>
    skiff.api.get('/containers/json', {
      all: true,
      filters: { label: [`com.docker.compose.project=p${path.split('/p').at(-1)}`] },
    })
  disposeLater(async () => {
    await cli(skiff, ['compose', '-p', path.split('/').at(-1) ?? '', 'down', '-v', '-t', '0'], { cwd: tmpdir() })
    await rm(parent, { recursive: true })
  })
  return {
    path,
    write,
    compose,
    ok: (...args) => cliOk(skiff, ['compose', ...args], { cwd: path }),
    containers,
    ids: async () =>
      Object.fromEntries(
        (await containers()).map(({ Id, Labels }: Json) => [
          `${Labels['com.docker.compose.service']} ${Labels['com.docker.compose.container-number']}`,
          Id,
        ]),
      ),
  }
}

const SLEEP = 'command: sleep 100000, init: true, stop_grace_period: 0s'

describe('up', () => {
  test('what has changed is made anew, the rest stays; down -v leaves nothing', async () => {
    const files = (greeting: string) => `
services:
  db: {image: busybox, ${SLEEP}, healthcheck: {test: "test -e /tmp/ready || touch /tmp/ready", interval: 200ms}, volumes: ["data:/data"]}
  web: {image: busybox, ${SLEEP}, depends_on: {db: {condition: service_healthy}}, environment: {GREETING: ${greeting}}, networks: [front, default], volumes: [/anon]}
networks: {front: }
volumes: {data: }
`
    const { ok, ids, write, path, compose } = await project({ 'compose.yaml': files('hello') })
    await ok('up', '-d')
    const first = await ids()
    expect(Object.keys(first).sort()).toEqual(['db 1', 'web 1'])
    await ok('exec', '-T', 'db', 'sh', '-c', 'echo kept > /data/file')
    await ok('exec', '-T', 'web', 'sh', '-c', 'echo kept too > /anon/file')
    await ok('up', '-d')
    expect(await ids()).toEqual(first)
    await write('compose.yaml', files('hi'))
    const { stderr } = await compose(['up', '-d'])
    expect(stderr).toContain('-web-1  Recreated')
    expect(stderr).toContain('-db-1  Running')
    const second = await ids()
    expect(second['db 1']).toBe(first['db 1'])
    expect(second['web 1']).not.toBe(first['web 1'])
    expect(await ok('exec', '-T', 'web', 'sh', '-c', 'echo $GREETING; cat /anon/file')).toBe('hi\nkept too')
    // The names of services lead from one to the other.
    expect(await ok('exec', '-T', 'web', 'sh', '-c', 'nslookup db | grep -c "^Name:.*db"')).toMatch(/^[1-9]/)
    await ok('down', '-v')
    const name = path.split('/').at(-1)
    expect(await ids()).toEqual({})
    expect((await skiff.api.get('/networks')).filter(({ Name }: Json) => Name.startsWith(`${name}_`))).toEqual([])
    expect((await skiff.api.get('/volumes')).Volumes ?? []).toEqual([])
  })

  test('scale, and back; --no-recreate, --force-recreate, orphans', async () => {
    const { ok, ids, write, compose } = await project({
      'compose.yaml': `services: {web: {image: busybox, ${SLEEP}}, old: {image: busybox, ${SLEEP}}}`,
    })
    await ok('up', '-d', '--scale', 'web=3')
    const three = await ids()
    expect(Object.keys(three).sort()).toEqual(['old 1', 'web 1', 'web 2', 'web 3'])
    await ok('up', '-d', '--scale', 'web=2')
    const two = await ids()
    expect(two).toEqual({ 'old 1': three['old 1'], 'web 1': three['web 1'], 'web 2': three['web 2'] })
    await write('compose.yaml', `services: {web: {image: busybox, ${SLEEP}, user: "1"}}`)
    const { stderr } = await compose(['up', '-d', '--no-recreate', '--scale', 'web=2'])
    expect(stderr).toMatch(/Found orphan containers \(\[p\d+-old-1\]\)/)
    expect(await ids()).toEqual(two)
    await ok('up', '-d', '--force-recreate', '--remove-orphans')
    const one = await ids()
    expect(Object.keys(one)).toEqual(['web 1'])
    expect(one['web 1']).not.toBe(two['web 1'])
  })

  test('conditions: completed, failed, unhealthy, optional', async () => {
    const service = (name: string, command: string, more = '') =>
      `  ${name}: {image: busybox, command: ["sh", "-c", "${command}"], init: true, stop_grace_period: 0s${more}}\n`
    const following = (name: string, condition: string, required = true) =>
      `, depends_on: {${name}: {condition: ${condition}, required: ${required}}}`
    const good = await project({
      'compose.yaml': `services:\n${service('job', 'sleep 0.3; echo done > /v/x', ', volumes: ["v:/v"]')}${service('web', 'cat /v/x; sleep 1000', `, volumes: ["v:/v"]${following('job', 'service_completed_successfully')}`)}volumes: {v: }`,
    })
    await good.ok('up', '-d', '--wait', 'web')
    await expect.poll(() => good.ok('logs', '--no-log-prefix', 'web')).toBe('done')
    const bad = await project({
      'compose.yaml': `services:\n${service('job', 'exit 3')}${service('web', 'sleep 1000', following('job', 'service_completed_successfully'))}`,
    })
    const failed = await bad.compose(['up', '-d'])
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /dependency failed to start: service "p\d+-job-1" didn't complete successfully: exit 3/,
      ),
    })
    expect((await bad.containers()).map(({ State }) => State).sort()).toEqual(['created', 'exited'])
    const sick = await project({
      'compose.yaml': `services:\n${service('db', 'sleep 1000', ', healthcheck: {test: "false", interval: 100ms, retries: 1}')}${service('web', 'sleep 1000', following('db', 'service_healthy'))}${service('opt', 'sleep 1000', following('db', 'service_healthy', false))}`,
    })
    expect((await sick.compose(['up', '-d', 'web'])).stderr).toMatch(
      /dependency failed to start: container p\d+-db-1 is unhealthy/,
    )
    const optional = await sick.compose(['up', '-d', 'opt'])
    expect(optional).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('optional dependency "db" failed to start'),
    })
  })

  test('a port that is taken: what was started is told, stays, and can be taken down', async () => {
    const port = await freePort()
    const { compose, ok, containers } = await project({
      'compose.yaml': `services:
  a: {image: busybox, ${SLEEP}, ports: ["127.0.0.1:${port}:80"]}
  b: {image: busybox, ${SLEEP}, ports: ["127.0.0.1:${port}:80"], depends_on: [a]}
  c: {image: busybox, ${SLEEP}, depends_on: [b]}`,
    })
    const { code, stderr } = await compose(['up', '-d'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/port is already allocated/)
    expect(stderr).toMatch(/Started: p\d+-a-1\. Not started: p\d+-b-1, p\d+-c-1\./)
    expect((await containers()).map(({ State }) => State).sort()).toEqual(['created', 'created', 'running'])
    await ok('down')
    expect(await containers()).toEqual([])
  })

  test('a file that cannot be understood starts nothing', async () => {
    const { compose, containers } = await project({
      'compose.yaml': 'services:\n  web:\n    image: busybox\n    comand: x\n',
    })
    expect(await compose(['up', '-d'])).toMatchObject({
      code: 15,
      stderr: 'compose.yaml:4:5: services.web Additional property comand is not allowed: did you mean command?\n',
    })
    expect(await containers()).toEqual([])
  })
})

describe('attached', () => {
  const talk = `services:
  a: {image: busybox, command: ["sh", "-c", "echo from a; sleep 100000"], init: true}
  b: {image: busybox, command: ["sh", "-c", "echo from b >&2; exit 7"]}
`
  test('the output of all, then the exit code of one', async () => {
    const { compose, containers } = await project({ 'compose.yaml': talk })
    const { code, stdout, stderr } = await compose(['up', '--exit-code-from', 'b'])
    expect(code).toBe(7)
    expect(stdout).toContain('Attaching to a-1, b-1\n')
    expect(stdout).toContain('b-1 exited with code 7\n')
    expect(stderr).toContain('b-1  | from b\n')
    expect((await containers()).map(({ State }) => State)).toEqual(['exited', 'exited'])
  })

  test('Ctrl-C stops in good order; the second one kills', async () => {
    const stubborn =
      'services: {a: {image: busybox, command: ["sh", "-c", "trap \'echo no\' TERM; echo ready; while :; do sleep 0.1; done"], stop_grace_period: 1h}}'
    for (const [text, presses, ending] of [
      [talk.replace(/ {2}b.*\n/, ''), 1, 143],
      [stubborn, 2, 137],
    ] as const) {
      const { path, containers } = await project({ 'compose.yaml': text })
      const session = open(skiff, ['compose', 'up'], { cwd: path, tty: true })
      await session.until(/from a|ready/)
      session.write('\x03')
      await session.until('Gracefully stopping')
      if (presses === 2) {
        await session.until('no\r\n')
        session.write('\x03')
      }
      const { code } = await session.result
      expect(code).toBe(130)
      const [only] = await containers()
      expect(only).toMatchObject({ State: 'exited', Status: expect.stringContaining(`(${ending})`) })
    }
  })
})

describe('commands on what runs', () => {
  let web: Folder
  test('ps, ls, port, top, images, exec, cp, logs, stop, start, restart, pause, kill, rm, events', async () => {
    const port = await freePort()
    web = await project({
      'compose.yaml': `services: {web: {image: busybox, command: ["sh", "-c", "echo one; echo two >&2; exec httpd -f -p 80 -h /etc"], init: true, ports: ["127.0.0.1:${port}:80"]}}`,
    })
    const { ok, path, compose, ids } = web
    const name = path.split('/').at(-1)
    await ok('up', '-d')
    expect((await ok('ps')).split('\n')[0]).toMatch(/^NAME +IMAGE +COMMAND +SERVICE +CREATED +STATUS +PORTS$/)
    expect(JSON.parse(await ok('ps', '--format', 'json'))).toMatchObject({
      Name: `${name}-web-1`,
      Service: 'web',
      State: 'running',
      Publishers: [{ URL: '127.0.0.1', TargetPort: 80, PublishedPort: port, Protocol: 'tcp' }],
    })
    expect(await ok('ls')).toMatch(
      new RegExp(`^NAME +STATUS +CONFIG FILES\n(.*\n)*${name} +running\\(1\\) +${path}/compose.yaml`),
    )
    expect(await ok('port', 'web', '80')).toBe(`127.0.0.1:${port}`)
    expect(await ok('top')).toMatch(/^SERVICE +# +UID[^\n]*\nweb +1 +root/)
    expect(await ok('images')).toMatch(/^CONTAINER[^\n]*\n\S+-web-1 +busybox +latest +linux\/\S+ +[0-9a-f]{12} /)
    expect(
      await compose(['exec', '-T', '-e', 'A=b', '-w', '/tmp', 'web', 'sh', '-c', 'echo $A; pwd; exit 4']),
    ).toMatchObject({ code: 4, stdout: 'b\n/tmp\n' })
    await web.write('here', 'content')
    await ok('cp', 'here', 'web:/tmp/there')
    await ok('cp', 'web:/tmp/there', 'back')
    expect(await ok('exec', '-T', 'web', 'cat', '/tmp/there')).toBe('content')
    const last = await compose(['logs', '-t', '--tail', '1'])
    expect(last.stdout + last.stderr).toMatch(/^web-1 {2}\| \d{4}-\S+Z (one|two)\n$/)
    expect(await compose(['logs'])).toMatchObject({ stdout: 'web-1  | one\n', stderr: 'web-1  | two\n' })
    await ok('pause')
    expect(await ok('ps', '--status', 'paused', '-q')).toMatch(/^[0-9a-f]{12}$/)
    await ok('unpause')
    const before = await ids()
    await ok('restart', '-t', '0')
    await ok('stop', '-t', '0')
    expect(await ok('ps', '-q')).toBe('')
    await ok('start')
    expect(await ok('ps', '-q')).not.toBe('')
    await ok('kill', '-s', 'KILL')
    expect(await ids()).toEqual(before)
    const events = await ok('events', '--json', '--since', '1h', '--until', '0s')
    const actions = events.split('\n').map(line => JSON.parse(line).action)
    expect(actions).toEqual(expect.arrayContaining(['create', 'start', 'pause', 'unpause', 'kill', 'die']))
    expect(await ok('wait', 'web').catch(error => String(error))).toContain('137')
    await ok('rm', '-f')
    expect(await ids()).toEqual({})
  })

  test('run: one-off containers with what the service has, and no more than asked for', async () => {
    const port = await freePort()
    const { ok, compose, containers } = await project({
      'compose.yaml': `services:
  db: {image: busybox, ${SLEEP}}
  web: {image: busybox, command: echo default, environment: {A: 1}, ports: ["127.0.0.1:${port}:80"], depends_on: [db], volumes: ["v:/v"], restart: always}
volumes: {v: }`,
    })
    expect((await compose(['run', '--rm', 'web'])).stdout).toBe('default\n')
    expect((await containers()).map(({ Labels }) => Labels['com.docker.compose.service'])).toEqual(['db'])
    expect(
      await compose(['run', '--rm', '-e', 'B=2', '--entrypoint', 'sh -c', 'web', 'echo $A$B; exit 9']),
    ).toMatchObject({ code: 9, stdout: '12\n' })
    expect(await compose(['run', '--rm', '-T', 'web', 'cat'], { stdin: 'typed' })).toMatchObject({
      code: 0,
      stdout: 'typed',
    })
    const id = await ok('run', '-d', '-P', '--name', 'own-name', 'web', 'sleep', '1000')
    const made = await skiff.api.get(`/containers/${id}/json`)
    expect(made).toMatchObject({ Name: '/own-name', HostConfig: { RestartPolicy: { Name: 'no' } } })
    expect(made.Config.Labels['com.docker.compose.oneoff']).toBe('True')
    expect(made.NetworkSettings.Ports['80/tcp']).toEqual([{ HostIp: '127.0.0.1', HostPort: String(port) }])
    expect(await ok('ps', '-q')).toMatch(/^[0-9a-f]{12}$/)
    await ok('down', '-v', '-t', '0')
    expect(await containers()).toEqual([])
  })
})

test('secrets, configs, addresses, limits and shared namespaces reach the container', async () => {
  const { ok, compose } = await project({
    'compose.yaml': `
services:
  one:
    image: busybox
    ${SLEEP.replaceAll(', ', '\n    ')}
    secrets: [file, {source: env, target: renamed, mode: 0440, uid: "5"}]
    configs: [{source: text, target: /etc/deep/er/text}]
    networks: {net: {ipv4_address: 10.213.77.9, aliases: [alias]}}
    mem_limit: 64m
    cap_drop: [ALL]
    tmpfs: ["/scratch:size=1m"]
    hostname: own
    extra_hosts: ["there=10.1.2.3"]
    ulimits: {nofile: 123}
    sysctls: {net.ipv4.ip_default_ttl: 77}
  two: {image: busybox, ${SLEEP}, network_mode: "service:one", pid: "service:one"}
networks: {net: {ipam: {config: [{subnet: 10.213.77.0/24}]}}}
secrets: {file: {file: ./secret}, env: {environment: SECRET}}
configs: {text: {content: "a \${WORD}\\n"}}
`,
    secret: 'in a file',
  })
  expect(await compose(['up', '-d'], { env: { SECRET: 'in the shell', WORD: 'word' } })).toMatchObject({ code: 0 })
  const inside = async (service: string, line: string) => await ok('exec', '-T', service, 'sh', '-c', line)
  expect(
    await inside('one', 'cat /run/secrets/file; echo; cat /run/secrets/renamed; echo; cat /etc/deep/er/text'),
  ).toBe('in a file\nin the shell\na word')
  expect(await inside('one', 'stat -c "%a %u" /run/secrets/renamed /etc/deep/er/text')).toBe('440 5\n444 0')
  expect(
    await inside(
      'one',
      'hostname; ip -4 -o addr show eth0 | grep -o "inet [^/]*"; grep -c there /etc/hosts; ulimit -n; cat /proc/sys/net/ipv4/ip_default_ttl',
    ),
  ).toBe('own\ninet 10.213.77.9\n1\n123\n77')
  expect(
    await inside('one', 'grep CapEff /proc/self/status; df -m /scratch | tail -1 | tr -s " " | cut -d" " -f2'),
  ).toMatch(/^CapEff:\s0{16}\n1$/)
  // The other one has its network, and sees its processes.
  expect(await inside('two', 'ip -4 -o addr show eth0 | grep -o "inet [^/]*"; ps | grep -c "[s]leep 100000"')).toBe(
    'inet 10.213.77.9\n4',
  )
})

test('profiles, hooks, and anonymous volumes that -V makes anew', async () => {
  const { ok, ids } = await project({
    'compose.yaml': `services:
  web: {image: busybox, ${SLEEP}, volumes: [/v], post_start: [{command: touch /v/started}], pre_stop: [{command: touch /v/stopped}]}
  tool: {image: busybox, command: echo tool, profiles: [tools]}`,
  })
  await ok('up', '-d')
  expect(Object.keys(await ids())).toEqual(['web 1'])
  expect(await ok('exec', '-T', 'web', 'ls', '/v')).toBe('started')
  await ok('restart')
  expect(await ok('exec', '-T', 'web', 'ls', '/v')).toBe('started\nstopped')
  await ok('up', '-d', '-V', '--force-recreate')
  expect(await ok('exec', '-T', 'web', 'ls', '/v')).toBe('started')
  await ok('--profile', 'tools', 'up', '-d')
  expect(Object.keys(await ids()).sort()).toEqual(['tool 1', 'web 1'])
  await ok('down', '-v')
  expect(await ids()).toEqual({})
  expect((await skiff.api.get('/volumes')).Volumes ?? []).toEqual([])
})

test('watch: what changes here changes there', async () => {
  const { path, write, ok, ids } = await project({
    Dockerfile: 'FROM busybox\nCOPY source /source\n',
    source: 'first',
    'compose.yaml': `services:
  web:
    build: .
    ${SLEEP.replaceAll(', ', '\n    ')}
    develop:
      watch:
        - {action: sync, path: ./live, target: /live, ignore: ["*.tmp"]}
        - {action: rebuild, path: ./source}`,
  })
  await mkdir(join(path, 'live'))
  const session = open(skiff, ['compose', 'watch'], { cwd: path })
  await session.until('Watch enabled')
  const before = await ids()
  await write('live/no.tmp', 'never')
  await write('live/page', 'hello')
  await session.until('Syncing service "web"')
  const list = () => ok('exec', '-T', 'web', 'sh', '-c', 'cat /live/page; ls /live')
  await expect.poll(() => list().catch(() => ''), { timeout: 30_000 }).toBe('hellopage')
  await write('source', 'second')
  await session.until('successfully built')
  expect(await ids()).not.toEqual(before)
  expect(await ok('exec', '-T', 'web', 'cat', '/source')).toBe('second')
  session.kill('SIGTERM')
  expect((await session.result).code).toBe(0)
})

test('build, push, pull and pull_policy with a registry', async () => {
  const { host } = await startRegistry()
  const { ok, compose } = await project({
    Dockerfile:
      'FROM busybox\nARG WORD=none\nRUN --mount=type=secret,id=s echo $WORD $(cat /run/secrets/s) > /word\nCMD ["cat", "/word"]\n',
    'compose.yaml': `services: {web: {image: "${host}/own/web:1", build: {context: ., args: {WORD: built}, tags: ["${host}/own/web:2"], secrets: [s]}}, user: {image: "${host}/own/web:2"}}\nsecrets: {s: {environment: S}}`,
    '.env': 'S=secretly',
    'never.yaml': `services: {web: {image: "${host}/own/none", pull_policy: never}}`,
  })
  const images = async () =>
    (await skiff.api.get('/images/json'))
      .flatMap(({ RepoTags }: Json) => RepoTags ?? [])
      .filter((name: string) => name.startsWith(host))
      .sort()
  await ok('build', 'web', '--quiet')
  expect(await images()).toEqual([`${host}/own/web:1`, `${host}/own/web:2`])
  await ok('push')
  await ok('down', '--rmi', 'all')
  expect(await images()).toEqual([])
  await ok('pull', 'user')
  expect(await images()).toEqual([`${host}/own/web:2`])
  expect((await compose(['up', '--no-build', 'user'])).stdout).toContain('user-1  | built secretly\n')
  // What can be built is not pulled.
  expect(await compose(['up', '-d', '--no-build', 'web'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('No such image'),
  })
  expect((await compose(['up', '--pull', 'always', 'user'])).stderr).toMatch(/Image \S+web:2 {2}Pulled/)
  await ok('down', '--rmi', 'all')
  expect(await images()).toEqual([])
  expect((await compose(['-f', 'never.yaml', 'up', '-d'])).stderr).toContain(`No such image: ${host}/own/none`)
})

/** The same words to docker and to skiff, on one engine: the same output, the same exit code. Whichever engine it is. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause, setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { cliOk } from '../support/cli.ts'
import type { Engine } from '../support/engine.ts'
import { fixture, importBusybox } from '../support/images.ts'
import { runBoth } from './both.ts'
import { freePort } from './free-port.ts'

const LISTINGS = [
  'ps',
  'ps -a',
  'ps -aq',
  'ps -a --no-trunc',
  'ps -s',
  'ps -l',
  'ps -n 1',
  'ps --filter name=web',
  'ps --filter status=exited',
  'ps --filter label=a=b -q',
  'images',
  'images -q --no-trunc',
  'images --digests',
  'images -a',
  'images busybox',
  'images --filter dangling=true',
  'images --format json',
  'volume ls',
  'volume ls -q',
  'volume ls --format json',
  'network ls',
  'network ls --no-trunc',
  'network ls -q --filter driver=bridge',
  'history busybox',
  'history --no-trunc -H=false busybox',
  'history -q busybox',
  'history --format json busybox',
  'port web',
  'port web 80',
  'port web 90/udp',
  'system df',
  'system df --format json',
  'stats --no-stream --format {{.Name}},{{.PIDs}} web',
  'top web -o pid,args',
  'container ls -a',
  'image ls',
  'container list -q',
  'image list -q',
]

const FORMATS: string[][] = [
  ['ps', '-a', '--format', '{{.ID}}: {{.Names}} {{.Image}} {{.Command}} {{.State}}'],
  ['ps', '-a', '--format', 'table {{.ID}}\t{{.Names}}\t{{.Ports}}\t{{.Mounts}}\t{{.Networks}}\t{{.LocalVolumes}}'],
  ['ps', '--format', '{{.Label "a"}} {{.Labels}} {{upper .Image}} {{.Size}}'],
  ['ps', '--format', '{{range $i, $p := split .Ports ", "}}{{$i}}={{$p}};{{end}}'],
  [
    'ps',
    '-a',
    '--format',
    '{{if eq .State "running"}}up{{else if .Names}}down{{end}}{{/* no */}}{{- " x" -}} {{printf "%-8s|%5d|%q" .Names 7 .Image}}',
  ],
  ['ps', '--format', '{{with $x := .Names}}{{$x}}{{len $x}}{{title $x}}{{truncate $x 2}}{{pad $x 1 2}}.{{end}}'],
  ['ps', '--format', '{{println (and .Names .Image) (or "" "b") (not .Names) (len (slice "abc" 1))}}'],
  ['images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}} {{.Digest}} {{.SharedSize}} {{.VirtualSize}}'],
  ['inspect', 'web'],
  ['inspect', 'web', 'busybox', 'net', 'data'],
  ['inspect', '-s', 'web'],
  ['inspect', '--type', 'image', 'busybox'],
  ['inspect', '--format', 'json', 'web'],
  ['inspect', '-f', '{{.State.Status}} {{.State.Running}} {{.Name}} {{.RestartCount}} {{.Id}}', 'web'],
  ['inspect', '-f', '{{json .Config}} {{json .Mounts}} {{json .NetworkSettings.Ports}}', 'web'],
  [
    'inspect',
    '-f',
    '{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{if $c}}{{(index $c 0).HostPort}}{{end}} {{end}}',
    'web',
  ],
  ['inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}}{{end}}', 'web'],
  ['inspect', '-f', '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', 'web'],
  [
    'inspect',
    '-f',
    '{{.Config.Env}} {{.Config.Cmd}} {{.HostConfig.Binds}} {{.HostConfig.CapAdd}} {{.Config.Labels}} {{.HostConfig.Memory}}',
    'ended',
  ],
  ['inspect', '-f', '{{index .Config.Labels "none"}}|{{.Config.Labels.a}}', 'web'],
  ['inspect', '-f', '{{.HostConfig.CPUShares}} {{.ID}} {{len .Mounts}} {{join .Args " + "}}', 'web'],
  ['image', 'inspect', '-f', '{{.RepoTags}} {{.Architecture}} {{.Os}} {{.Config.Cmd}} {{.Size}}', 'busybox'],
  ['volume', 'inspect', 'data'],
  ['network', 'inspect', 'net'],
  ['version', '-f', '{{.Server.Version}} {{.Server.APIVersion}}'],
  ['info', '-f', '{{.Driver}} {{.NCPU}} {{.ServerVersion}} {{json .Plugins.Volume}}'],
  ['events', '--since', '1h', '--until', '1s', '--filter', 'type=container', '--filter', 'container=web'],
  ['events', '--since', '1h', '--until', '1s', '--filter', 'type=container', '--format', 'json'],
  [
    'events',
    '--since',
    '1h',
    '--until',
    '1s',
    '--filter',
    'container=web',
    '--format',
    '{{.Action}} {{.Actor.Attributes.name}}',
  ],
]

const MISTAKES: string[][] = [
  ...[
    'run',
    'run --badflag',
    'run -Z x',
    'run -e',
    'run --name',
    'run --rm=maybe busybox',
    'run -m 1x busybox',
    'run --ulimit nofile=3:2 busybox',
    'run --mount type=foo busybox',
    'run --mount foo busybox',
    'run -a foo busybox',
    'run -p 1:2:3:4 busybox',
    'run -p a busybox',
    'run -p 70000:1 busybox',
    'run -p 1-2:3-5 busybox',
    'run --expose a busybox',
    'run -v a:b:c:d busybox',
    'run --restart foo busybox',
    'run --rm --restart always busybox',
    'run -d -a stdout busybox',
    'run -w relative busybox',
    'run --network nope busybox',
    'run --network host --network net busybox',
    'run --network-alias x busybox',
    'run --env-file /nope busybox',
    'run --device nope busybox',
    'run --pid foo busybox',
    'run --userns foo busybox',
    'run --cidfile /etc/passwd busybox',
    'run --health-interval x busybox',
    'run --no-healthcheck --health-cmd x busybox',
    'run --security-opt foo busybox',
    'run --security-opt seccomp=/nope busybox',
    'run --log-driver none --log-opt a=b busybox',
    'run --add-host foo busybox',
    'run -e =x busybox',
    'run --pull foo busybox',
    'run --memory-swappiness 200 busybox',
    'run --cpus x busybox',
    'run --blkio-weight x busybox',
    'run --volumes-from nope busybox',
    'run busybox nope',
    'run busybox /etc',
    'run --name web busybox',
    'create',
    'create --name web busybox',
    'ps extra',
    'ps -n x',
    'ps --filter x',
    'ps --filter nope=x',
    'ps --no-trunc=foo',
    'foo',
    'container foo',
    'container ls extra',
    'start',
    'start nope',
    'start nope also',
    'stop nope',
    'stop -t x web',
    'kill nope',
    'kill -s FOO web',
    'kill ended',
    'rm',
    'rm nope',
    'rm web',
    'rm -f nope',
    'restart nope',
    'wait nope',
    'top nope',
    'top ended',
    'port nope',
    'port web 99',
    'logs',
    'logs nope',
    'logs a b',
    'logs --since xx web',
    'attach nope',
    'attach ended',
    'exec',
    'exec web',
    'exec nope ls',
    'exec ended ls',
    'exec web nope',
    'exec -w /nope web ls',
    'exec -u nope web id',
    'rmi nope',
    'rmi',
    'tag a',
    'tag nope b',
    'tag busybox UP',
    'inspect',
    'inspect nope',
    'inspect nope web',
    'inspect --type foo web',
    'image inspect nope',
    'network inspect nope',
    'volume inspect nope',
    'container inspect nope',
    'pause nope',
    'unpause web',
    'rename a',
    'rename web ended',
    'update web',
    'update --restart foo web',
    'update -m 1 web',
    'diff nope',
    'export nope',
    'commit nope',
    'save nope',
    'cp nope:/x .',
    'cp a b',
    'cp web:/nope .',
    'cp web:/etc /nope/nope/nope',
    'import /nope',
    'load -i /nope',
    'history nope',
    'images a b',
    'network create',
    'network rm nope',
    'network rm bridge',
    'network create --subnet 10.0.0.0/8 --gateway 11.0.0.1 n',
    'network connect nope web',
    'network disconnect net web',
    'volume rm nope',
    'volume rm data',
    'pull UP',
    'push',
    'container prune',
    'image prune',
    'volume prune',
    'system prune',
    'network prune',
    'save',
    'run -it busybox true',
  ].map(line => line.split(' ')),
  ['ps', '--format', '{{.Names'],
  ['ps', '--format', '{{nope .}}'],
  ['ps', '--format', '{{end}}'],
  ['ps', '--format', '{{if}}x{{end}}'],
  ['inspect', '-f', '{{', 'web'],
  ['inspect', '-f', '{{.Foo}}', 'web'],
  ['inspect', '-f', '{{.Foo.Bar}}', 'web'],
  ['inspect', '-f', '{{.State.Foo}}', 'web'],
]

const RUNS: [string[], { stdin?: string; env?: Record<string, string> }?][] = [
  [['run', '--rm', 'busybox', 'echo', 'hi']],
  [['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7']],
  [['run', '--rm', '-i', 'busybox', 'cat'], { stdin: 'through\nand through\n' }],
  [['run', '--rm', 'busybox', 'cat'], { stdin: 'not read' }],
  [['run', '--rm', '-i', 'busybox', 'sh', '-c', 'sleep 0.2; wc -c'], { stdin: 'x'.repeat(300_000) }],
  [['run', '--rm', '-i', 'busybox', 'true'], { stdin: 'x'.repeat(300_000) }],
  [['run', '--rm', 'busybox', 'sh', '-c', 'yes | head -n 100000 | md5sum']],
  [['run', '--rm', 'busybox', 'sh', '-c', 'yes 0123456789 | head -n 50000']],
  [['run', '--rm', '-a', 'stderr', 'busybox', 'sh', '-c', 'echo out; echo err >&2']],
  [['run', '--rm', '-t', 'busybox', 'sh', '-c', 'tty; echo err >&2']],
  [['run', '--rm', '--entrypoint', 'echo', 'busybox', '-n', '--rm', '-it']],
  [
    [
      'run',
      '--rm',
      '-eA=1',
      '-e',
      'INHERITED',
      '-e',
      'UNKNOWN',
      '-w/tmp',
      '-u',
      '1:2',
      '-h',
      'name',
      'busybox',
      'sh',
      '-c',
      'env | sort; pwd; id; hostname',
    ],
    { env: { INHERITED: 'yes' } },
  ],
  [
    [
      'run',
      '--rm',
      '--label',
      'a',
      '--read-only=true',
      '--tmpfs',
      '/t:size=1m',
      'busybox',
      'sh',
      '-c',
      'touch /x; touch /t/x && echo ok',
    ],
  ],
  [['run', '--rm', 'busybox', 'sh', '-c', 'kill -9 $$']],
  [['exec', 'web', 'sh', '-c', 'echo out; echo err >&2; exit 9']],
  [['exec', '-i', 'web', 'cat'], { stdin: 'through' }],
  [['exec', '-e', 'A=1', '-w', '/tmp', '-u', 'daemon', 'web', 'sh', '-c', 'echo $A; pwd; id -un']],
  [['logs', 'web']],
  [['logs', '--tail', '1', 'web']],
  [['logs', '-n0', 'web']],
  [['wait', 'ended', 'ended']],
  [['start', '-a', 'ended']],
  [['export', 'web']],
  [['cp', 'web:/etc/passwd', '-']],
  [['rm', '-f', 'nope']],
  [['import', '-m', 'x', '-', 'imported'], { stdin: 'no archive' }],
  [['kill', '-s', '0', 'nope', 'also']],
  [['inspect', '-f', '{{.Name}}', 'web', 'ended']],
]

const lines = (all: readonly string[]): string[][] => all.map(line => line.split(' '))

export function compareCommandLines(startEngine: () => Promise<Engine>): void {
  let engine: Engine

  beforeAll(async () => {
    engine = await startEngine()
    await importBusybox(engine)
    // One name each, and a second apart: Docker lists names, and images of the same second, in any order.
    await pause(1100)
    // Images of one second are listed in any order.
    await sleep(1000)
    await cliOk(engine, ['import', '-c', 'LABEL a=b', await fixture('busybox.tar'), 'example.com:5000/team/tool:1.0'])
    await cliOk(engine, ['volume', 'create', '--label', 'a=b', 'data'])
    await cliOk(engine, ['network', 'create', '--label', 'team=x', 'net'])
    const [tcp, udp] = [await freePort(), await freePort()]
    const ports = ['-p', `${tcp}:80`, '-p', `127.0.0.1:${udp}-${udp + 1}:90-91/udp`, '--expose', '100-102']
    const words = ['sh', '-c', 'mkdir -p /d/e; echo one; echo two >&2; exec sleep 1000']
    await cliOk(engine, [
      'run',
      '-d',
      '--name',
      'web',
      ...ports,
      '-v',
      'data:/data',
      '--label',
      'a=b',
      'busybox',
      ...words,
    ])
    await cliOk(engine, ['run', '--name', 'ended', '-e', 'A=1', 'busybox', 'sh', '-c', 'exit 3']).catch(() => undefined)
    await writeFile(join(engine.folder, 'variables'), '# a comment\nFROM_FILE=1\n\nINHERITED\nUNKNOWN\n')
  })

  test.each([...lines(LISTINGS), ...FORMATS].map(words => [words.join(' '), words] as const))(
    '%s',
    async (_line, words) => {
      const { docker, skiff } = await runBoth(engine, words)
      expect(docker.code).toBe(0)
      expect(skiff).toEqual(docker)
    },
  )

  test.each(MISTAKES.map(words => [words.join(' '), words] as const))('mistake: %s', async (_line, words) => {
    const { docker, skiff } = await runBoth(engine, words)
    expect(skiff).toEqual(docker)
  })

  test.each(RUNS.map(([words, options]) => [words.join(' '), words, options] as const))(
    'run: %s',
    async (_line, words, options) => {
      const { docker, skiff } = await runBoth(engine, words, options ?? {})
      expect(skiff).toEqual(docker)
    },
  )

  test('--env-file gives comments no meaning and inherits names alone', async () => {
    const file = join(engine.folder, 'variables')
    const words = ['run', '--rm', '--env-file', file, 'busybox', 'env']
    const { docker, skiff } = await runBoth(engine, words, { env: { INHERITED: 'yes' } })
    const sorted = (text: string) =>
      text
        .split('\n')
        .filter(line => !line.startsWith('HOSTNAME'))
        .sort()
    expect(sorted(skiff.stdout)).toEqual(sorted(docker.stdout))
    expect(skiff.stdout).toContain('FROM_FILE=1\n')
    expect(skiff.stdout).toContain('INHERITED=yes\n')
    expect(skiff.stdout).not.toContain('UNKNOWN')
  })
}

/**
 * What goes over the socket: docker and skiff are given the same words, a listener writes down their requests. Equal but for
 * what only says the default, and for Docker's spelling of filters.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCommand } from '../support/cli.ts'
import type { Json } from '../support/client.ts'

const SKIFF = fileURLToPath(new URL('../../bin/skiff', import.meta.url))

let folder: string
let socket: string
let server: Server
let requests: { method: string; path: string; query: Json; body: Json }[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-requests-'))
  socket = join(folder, 's')
  await writeFile(join(folder, 'variables'), 'FROM_FILE=1\n# no\nINHERITED\n')
  await writeFile(join(folder, 'labels'), 'from=file\nalone\n')
  await writeFile(join(folder, 'profile.json'), '{ "defaultAction": "SCMP_ACT_ALLOW" }')
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', chunk => chunks.push(chunk))
      .on('end', () => {
        response
          .setHeader('Api-Version', '1.47')
          .setHeader('Ostype', 'linux')
          .setHeader('Content-Type', 'application/json')
        const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
        if (pathname === '/_ping') return void response.end('OK')
        const text = Buffer.concat(chunks).toString()
        requests.push({
          method: request.method ?? '',
          path: pathname,
          query: queryOf(searchParams),
          body: text.startsWith('{') ? essence(JSON.parse(text)) : text,
        })
        response.writeHead(500).end('{"message":"written down"}')
      })
  })
  await new Promise<void>(resolve => server.listen(socket, resolve))
})

afterAll(async () => {
  await new Promise(resolve => server.close(resolve))
  await rm(folder, { recursive: true })
})

const queryOf = (parameters: URLSearchParams): Json =>
  Object.fromEntries(
    [...parameters].filter(([, text]) => text !== '').map(([key]) => [key, parameters.getAll(key).map(parameter)]),
  )

/** {"name":{"x":true}} and {"name":["x"]} say the same; moments differ by the time between the two. */
function parameter(text: string): Json {
  if (/^\d{10}(\.\d+)?$/.test(text)) return 'MOMENT'
  if (!text.startsWith('{')) return text
  const filters = Object.entries(JSON.parse(text) as Record<string, string[] | Record<string, boolean>>)
  return Object.fromEntries(
    filters.map(([name, values]) => [name, Array.isArray(values) ? values : Object.keys(values)]),
  )
}

/** Without what is the API's default: null, false, 0, '', and empty lists and objects. `MaskedPaths: []` says something. */
function essence(value: Json, key = ''): Json {
  // Docker puts these two into an order of its own.
  if (Array.isArray(value) && /^(Env|Binds)$/.test(key)) return [...value].sort()
  if (Array.isArray(value)) return value.map(item => essence(item))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, item]): [string, Json] => [name, essence(item, name)])
  const significant = entries.filter(([name, item]) => !isDefault(name, item, key))
  return Object.fromEntries(significant)
}

function isDefault(name: string, item: Json, parent: string): boolean {
  if (/^(MaskedPaths|ReadonlyPaths|Entrypoint)$/.test(name) && Array.isArray(item)) return false
  // Keys of these are names that a user gave.
  if (/^(ExposedPorts|PortBindings|Volumes|Labels|Tmpfs|Sysctls|Options|DriverOpts)$/.test(parent)) return false
  // Of old daemons; Docker's newer clients no longer say it.
  if (name === 'CheckDuplicate') return true
  return !item || (typeof item === 'object' && Object.keys(item).length === 0)
}

async function sentBy(command: readonly string[], words: readonly string[]) {
  requests = []
  const session = openCommand([...command, ...words], { cwd: folder, env: { INHERITED: 'yes', HOME: folder } })
  session.end()
  await session.result
  return requests
}

const CREATE = [
  '',
  '-it',
  '-i',
  '-a stdout',
  '-a stdin -a stderr -i',
  '--name n --platform linux/amd64',
  '-e A=1 -e INHERITED -e UNKNOWN --env-file variables',
  '-l a=b --label alone --label-file labels',
  '-h host --domainname dom -u me:us -w /w',
  '--entrypoint x',
  '-m 64m --memory-swap -1 --memory-reservation 32m',
  '--memory-swap 1g --memory-swappiness 5 --oom-kill-disable --oom-score-adj -5',
  '--cpus 1.5 -c 512 --cpuset-cpus 0-1 --cpuset-mems 0',
  '--cpu-period 1000 --cpu-quota 500 --cpu-rt-period 1 --cpu-rt-runtime 2',
  '--pids-limit -1 --shm-size 1g --ulimit nofile=10:20 --ulimit nproc=5',
  '--blkio-weight 300 --blkio-weight-device /dev/vda:200 --device-read-bps /dev/vda:1mb --device-write-bps /dev/vda:1 --device-read-iops /dev/vda:5 --device-write-iops /dev/vda:6',
  '--device /dev/null --device /dev/zero:/dev/z:r --device /dev/full:rw --device-cgroup-rule c~1:*~rwm',
  '--cap-add sys_time --cap-add CAP_CHOWN --cap-add Sys_Time --cap-drop ALL --cap-drop kill --group-add g --privileged --read-only',
  '--security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt label=disable',
  '--security-opt systempaths=unconfined',
  '--security-opt seccomp=profile.json',
  '--pid host --ipc host --uts host --userns host --cgroupns host',
  '--pid container:x --ipc shareable --cgroup-parent /p',
  '--init --init=false --stop-signal INT --stop-timeout 3',
  '--restart on-failure:3',
  '--restart always',
  '--restart unless-stopped',
  '--rm --cidfile cid',
  '--health-cmd a~b --health-interval 3s --health-retries 2 --health-timeout 1m --health-start-period 1h --health-start-interval 100ms',
  '--no-healthcheck',
  '--log-driver local --log-opt max-size=1m --log-opt max-file=3',
  '--tmpfs /t --tmpfs /u:size=1m,ro --sysctl net.core.somaxconn=5 --storage-opt size=1g',
  '-v /a:/b -v /c:/d:ro -v vol:/e -v /anonymous -v ./rel:/f --volumes-from z:ro --volume-driver local',
  '-v ../up:/x',
  '--mount type=bind,src=/a,dst=/b',
  '--mount type=bind,src=/a,dst=/d,ro,bind-propagation=rprivate,bind-recursive=readonly,consistency=cached',
  '--mount type=tmpfs,dst=/e,tmpfs-size=1m,tmpfs-mode=1777',
  '--mount src=v,dst=/f,volume-nocopy,volume-label=a=b,volume-driver=local,volume-opt=type=tmpfs,volume-subpath=x',
  '--mount type=bind,source=./here,target=/x,readonly=false',
  '--mount type=volume,target=/anonymous',
  '-p 80',
  '-p 8080:80',
  '-p 127.0.0.1:8080:80',
  '-p 127.0.0.1::80/udp',
  '-p [::1]:80:80',
  '-p 90-92:190-192',
  '-p 8000-8010:80',
  '-p 80-81',
  '-p80:80/sctp --expose 99 --expose 100-101/udp -P',
  '--network n1',
  '--network n1 --ip 1.2.3.4 --ip6 2001:db8::1 --network-alias a --network-alias b --link-local-ip 169.254.1.1',
  '--network name=n1,alias=a,ip=1.2.3.4,driver-opt=k=v,mac-address=02:42:ac:11:00:02,gw-priority=5 --network n2',
  '--net host',
  '--network none',
  '--network container:x',
  '--network bridge --link a:b',
  '--link a --link b:c',
  '--network n1 --link a:b',
  '--mac-address 02:42:ac:11:00:02',
  '--dns 1.1.1.1 --dns-search s --dns-option o --dns-opt p --add-host h:1.2.3.4 --add-host g=host-gateway --add-host v6:[::1]',
  '--annotation a=b --runtime r --isolation default',
].map(line => [
  'create',
  ...line
    .split(' ')
    .filter(Boolean)
    .map(word => word.replaceAll('~', ' ')),
  'busybox',
  'a',
  '-b',
])

const OTHERS = [
  'update --cpus 2 --restart always --pids-limit 5 -m 1g c',
  'update --blkio-weight 20 --cpuset-cpus 0 --memory-swap -1 c d',
  'ps -a -n 3 -s --filter name=x --filter name=y',
  'ps -l',
  'images -a --filter dangling=true foo',
  'history x',
  'save a b',
  'search --limit 3 -f stars=2 x',
  'top c aux',
  'top c -o pid',
  'stats c --no-stream',
  'cp c:/x -',
  'rmi -f --no-prune x',
  'rm -fv c',
  'rm -l a/b',
  'stop -t 3 -s INT c',
  'stop c',
  'restart -t 1 c',
  'kill -s HUP c',
  'wait c',
  'pause c',
  'unpause c',
  'tag a:1 b',
  'tag a example.com/b:2',
  'rename a b',
  'start c',
  'diff c',
  'export c',
  'port c',
  'logs c',
  'inspect --type container -s x',
  'image inspect x',
  'network inspect -v n',
  'volume inspect v',
  'network ls --filter driver=bridge',
  'volume ls -q --filter dangling=true',
  'volume rm -f v',
  'network create -d bridge --subnet 10.0.0.0/8 --gateway 10.0.0.1 --ip-range 10.1.0.0/16 --aux-address a=10.0.0.5 --internal --label a=b -o x=y n',
  'network create n',
  'network create --ipv6 --subnet 2001:db8::/64 --attachable n',
  'network create --config-only --config-from x --scope local --ingress n',
  'network connect --ip 1.2.3.4 --ip6 ::5 --alias a --link b:c --driver-opt k=v --link-local-ip 169.254.0.1 n c',
  'network disconnect -f n c',
  'volume create --label a=b -o type=tmpfs -d local v',
  'volume create',
  'commit -a me -m msg -c CMD~x -p=false c r:t',
  'commit c',
  'container prune -f --filter until=1h --filter label=a',
  'image prune -f',
  'image prune -af',
  'volume prune -f',
  'volume prune -af',
  'network prune -f',
  'system df',
  'events --since 1h --until 5m --filter type=container',
  'events --since 1700000000',
  'import - x:y -c CMD~x -m msg --platform linux/arm64',
  'import http://host/x.tar',
  'load',
  'pull x',
  'pull x:1',
  'pull -a x',
  'pull example.com:5000/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
  'pull --platform linux/arm64 x',
  'push x',
  'push -a example.com/x',
  'version',
  'info',
  'login -u a -p b example.com',
].map(line => line.split(' ').map(word => word.replaceAll('~', ' ')))

test.each([...CREATE, ...OTHERS].map(words => [words.join(' '), words] as const))('%s', async (_line, words) => {
  const docker = await sentBy(['docker', '-H', `unix://${socket}`], words)
  const skiff = await sentBy([SKIFF, '-H', `unix://${socket}`], words)
  expect(docker.length).toBeGreaterThan(0)
  expect(skiff).toEqual(docker)
})

/** The short forms of a service's keys, made long; and what of them goes to the engine. */

import { describe, expect, test } from 'vitest'
import { containerBody } from '../../../src/compose/create/body.ts'
import { splitWords } from '../../../src/compose/schema/words.ts'
import { oneFile, service } from './project.ts'

describe('long forms', () => {
  test.each([
    ['ports: ["80"]', { ports: [{ mode: 'ingress', target: 80, protocol: 'tcp' }] }],
    ['ports: [80]', { ports: [{ mode: 'ingress', target: 80, protocol: 'tcp' }] }],
    ['ports: ["8080:80/udp"]', { ports: [{ mode: 'ingress', target: 80, published: '8080', protocol: 'udp' }] }],
    [
      'ports: ["127.0.0.1:8080:80"]',
      { ports: [{ mode: 'ingress', host_ip: '127.0.0.1', target: 80, published: '8080', protocol: 'tcp' }] },
    ],
    [
      'ports: ["[::1]:8080:80"]',
      { ports: [{ mode: 'ingress', host_ip: '::1', target: 80, published: '8080', protocol: 'tcp' }] },
    ],
    ['ports: ["127.0.0.1::80"]', { ports: [{ mode: 'ingress', host_ip: '127.0.0.1', target: 80, protocol: 'tcp' }] }],
    [
      'ports: ["8000-8001:80-81"]',
      {
        ports: [
          expect.objectContaining({ target: 80, published: '8000' }),
          expect.objectContaining({ target: 81, published: '8001' }),
        ],
      },
    ],
    ['ports: ["8000-8009:80"]', { ports: [{ mode: 'ingress', target: 80, published: '8000-8009', protocol: 'tcp' }] }],
    [
      'ports: [{target: 80, published: 8080, mode: host}]',
      { ports: [{ mode: 'host', target: 80, published: '8080', protocol: 'tcp' }] },
    ],
    ['volumes: ["/v"]', { volumes: [{ type: 'volume', target: '/v', volume: {} }] }],
    [
      'volumes: ["/a:/b:ro,Z"]',
      {
        volumes: [
          { type: 'bind', source: '/a', target: '/b', read_only: true, bind: { create_host_path: true, selinux: 'Z' } },
        ],
      },
    ],
    [
      'volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]',
      { volumes: [{ type: 'tmpfs', target: '/t', tmpfs: { size: 1048576, mode: 0o700 } }] },
    ],
    ['command: echo "a b" c\\ d', { command: ['echo', 'a b', 'c d'] }],
    ['entrypoint: ""', { entrypoint: [] }],
    ['healthcheck: {test: curl x, retries: "3"}', { healthcheck: { test: ['CMD-SHELL', 'curl x'], retries: 3 } }],
    [
      'devices: ["/dev/a", "/dev/b:/dev/c:r"]',
      {
        devices: [
          { source: '/dev/a', target: '/dev/a', permissions: 'rwm' },
          { source: '/dev/b', target: '/dev/c', permissions: 'r' },
        ],
      },
    ],
    ['restart: "no"', { restart: 'no' }],
    ['extra_hosts: ["a:::1", "b=[::2]"]', { extra_hosts: ['a=::1', 'b=::2'] }],
    ['ulimits: {nproc: 5}', { ulimits: { nproc: 5 } }],
    ['environment: {A: 1.5, B: true, C: "", D: }', { environment: { A: '1.5', B: 'true', C: '', D: null } }],
    ['links: [db:d]', { links: ['db:d'], depends_on: { db: { condition: 'service_started', required: true } } }],
    [
      'network_mode: service:db',
      { depends_on: { db: { condition: 'service_started', required: true, restart: true } } },
    ],
  ])('%s', async (lines, expected) => {
    expect(await service(lines, '  db: {image: x}\n')).toMatchObject(expected)
  })
})

test.each([
  ['a  b', ['a', 'b']],
  [`a 'b "c"' "d 'e'"`, ['a', 'b "c"', "d 'e'"]],
  ['"a\\"b" c\\ d', ['a"b', 'c d']],
  ["''", ['']],
  ['a"b"c', ['abc']],
  ['', []],
])('the words of %j', (line, words) => {
  expect(splitWords(line)).toEqual(words)
})

test('an open quote is refused', () => {
  expect(() => splitWords("a 'b")).toThrow('closing quote')
})

/** The body for the first container of `web`. */
async function bodyOf(lines: string, rest = '') {
  const project = await oneFile(
    `services:\n  web:\n    image: busybox\n${lines.replace(/^/gm, '    ')}\n  db: {image: x}\n${rest}`,
  )
  const web = project.services.web
  if (!web) throw new Error('no web')
  return containerBody({
    project,
    service: web,
    number: 1,
    image: 'busybox',
    imageId: 'sha256:i',
    inherited: [],
    resolve: name => `id-of-${name}`,
    version: 'v',
  })
}

describe('the body of POST /containers/create', () => {
  test.each([
    ['cap_add: [NET_ADMIN]\ncap_drop: [ALL]', { HostConfig: { CapAdd: ['NET_ADMIN'], CapDrop: ['ALL'] } }],
    ['mem_limit: 64m\ncpus: 0.5\npids_limit: 10', { HostConfig: { Memory: 67108864, NanoCpus: 5e8, PidsLimit: 10 } }],
    [
      'deploy: {resources: {limits: {memory: 64m, cpus: "0.5", pids: 10}, reservations: {memory: 32m, cpus: 0.25}}}',
      { HostConfig: { Memory: 67108864, NanoCpus: 5e8, PidsLimit: 10, MemoryReservation: 33554432, CpuShares: 256 } },
    ],
    ['restart: on-failure:3', { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } } }],
    ['deploy: {restart_policy: {condition: any}}', { HostConfig: { RestartPolicy: { Name: 'always' } } }],
    [
      'deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}',
      { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } } },
    ],
    ['tmpfs: [/run, "/t:size=1m"]', { HostConfig: { Tmpfs: { '/run': '', '/t': 'size=1m' } } }],
    [
      'privileged: true\nread_only: true\ninit: true\nshm_size: 1m',
      { HostConfig: { Privileged: true, ReadonlyRootfs: true, Init: true, ShmSize: 1048576 } },
    ],
    [
      'security_opt: [no-new-privileges, systempaths=unconfined]',
      { HostConfig: { SecurityOpt: ['no-new-privileges'], MaskedPaths: [], ReadonlyPaths: [] } },
    ],
    [
      'ulimits: {nofile: {soft: 1, hard: 2}, nproc: 3}',
      {
        HostConfig: {
          Ulimits: [
            { Name: 'nofile', Soft: 1, Hard: 2 },
            { Name: 'nproc', Soft: 3, Hard: 3 },
          ],
        },
      },
    ],
    [
      'logging: {driver: json-file, options: {max-size: 1m}}',
      { HostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } } } },
    ],
    [
      'extra_hosts: [a=1.2.3.4]\ndns: 1.1.1.1\ndns_search: x\ndns_opt: [ndots:1]',
      { HostConfig: { ExtraHosts: ['a:1.2.3.4'], Dns: ['1.1.1.1'], DnsSearch: ['x'], DnsOptions: ['ndots:1'] } },
    ],
    [
      'pid: host\nipc: service:db\nuts: host\nuserns_mode: host\ncgroup: private',
      {
        HostConfig: {
          PidMode: 'host',
          IpcMode: 'container:id-of-db',
          UTSMode: 'host',
          UsernsMode: 'host',
          CgroupnsMode: 'private',
        },
      },
    ],
    ['network_mode: service:db', { HostConfig: { NetworkMode: 'container:id-of-db' } }],
    ['network_mode: none', { HostConfig: { NetworkMode: 'none' } }],
    ['volumes_from: [db:ro, container:other]', { HostConfig: { VolumesFrom: ['id-of-db:ro', 'other'] } }],
    [
      'volumes: ["/a:/b:ro", "/v"]',
      { HostConfig: { Binds: ['/a:/b:ro'], Mounts: [{ Type: 'volume', Target: '/v' }] } },
    ],
    [
      'volumes: [{type: bind, source: /a, target: /b, bind: {create_host_path: false}}]',
      { HostConfig: { Mounts: [{ Type: 'bind', Source: '/a', Target: '/b' }] } },
    ],
    [
      'ports: ["127.0.0.1:8080:80"]\nexpose: ["90-91/udp"]',
      {
        ExposedPorts: { '80/tcp': {}, '90/udp': {}, '91/udp': {} },
        HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] } },
      },
    ],
    ['stop_signal: INT\nstop_grace_period: 1m30s', { StopSignal: 'INT', StopTimeout: 90 }],
    [
      'healthcheck: {test: [CMD, x], interval: 1s, timeout: 2s, retries: 3, start_period: 4s}',
      { Healthcheck: { Test: ['CMD', 'x'], Interval: 1e9, Timeout: 2e9, Retries: 3, StartPeriod: 4e9 } },
    ],
    ['healthcheck: {disable: true}', { Healthcheck: { Test: ['NONE'] } }],
    ['entrypoint: []\ncommand: [a]', { Entrypoint: [''], Cmd: ['a'] }],
    [
      'user: 1000\nworking_dir: /w\nhostname: h\ndomainname: d\ntty: true\nstdin_open: true',
      { User: '1000', WorkingDir: '/w', Hostname: 'h', Domainname: 'd', Tty: true, OpenStdin: true },
    ],
    ['environment: {A: 1, B: }', { Env: ['A=1', 'B'] }],
    [
      'sysctls: {net.core.somaxconn: 1024}\noom_score_adj: 5\noom_kill_disable: true\ngroup_add: [5]\ncgroup_parent: /p',
      {
        HostConfig: {
          Sysctls: { 'net.core.somaxconn': '1024' },
          OomScoreAdj: 5,
          OomKillDisable: true,
          GroupAdd: ['5'],
          CgroupParent: '/p',
        },
      },
    ],
    [
      'annotations: {a: b}\nruntime: r\nstorage_opt: {size: 1G}\ncpuset: "0"\ncpu_shares: 5\ncpu_quota: 1000\ncpu_period: 5ms',
      {
        HostConfig: {
          Annotations: { a: 'b' },
          Runtime: 'r',
          StorageOpt: { size: '1G' },
          CpusetCpus: '0',
          CpuShares: 5,
          CpuQuota: 1000,
          CpuPeriod: 5000,
        },
      },
    ],
    [
      'memswap_limit: -1\nmem_swappiness: 5\nmem_reservation: 1m\ndevice_cgroup_rules: ["c 1:3 rwm"]',
      {
        HostConfig: {
          MemorySwap: -1,
          MemorySwappiness: 5,
          MemoryReservation: 1048576,
          DeviceCgroupRules: ['c 1:3 rwm'],
        },
      },
    ],
    [
      'blkio_config: {weight: 10, device_read_bps: [{path: /dev/a, rate: 1m}]}',
      { HostConfig: { BlkioWeight: 10, BlkioDeviceReadBps: [{ Path: '/dev/a', Rate: 1048576 }] } },
    ],
  ])('%s', async (lines, expected) => {
    expect((await bodyOf(lines)).body).toMatchObject(expected)
  })

  test('networks: the first by priority, with names, addresses and links', async () => {
    const { endpoints, body } = await bodyOf(
      'networks:\n  a:\n  b: {priority: 5, aliases: [w], ipv4_address: 10.0.0.9, mac_address: 02:00:00:00:00:01}\nlinks: [db:d]',
      'networks: {a: , b: {name: real}}',
    )
    expect(body).toMatchObject({ HostConfig: { NetworkMode: 'real' } })
    expect(endpoints).toEqual([
      {
        network: 'real',
        settings: {
          Aliases: ['web', 'w'],
          IPAMConfig: { IPv4Address: '10.0.0.9' },
          Links: ['id-of-db:d'],
          MacAddress: '02:00:00:00:00:01',
        },
      },
      { network: 'demo_a', settings: { Aliases: ['web'], Links: ['id-of-db:d'] } },
    ])
  })

  test('labels that docker-compose finds it by', async () => {
    const { body } = await bodyOf('labels: {own: x}\ndepends_on: {db: {condition: service_healthy}}')
    expect((body as { Labels: object }).Labels).toEqual({
      own: 'x',
      'com.docker.compose.config-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
      'com.docker.compose.container-number': '1',
      'com.docker.compose.depends_on': 'db:service_healthy:false',
      'com.docker.compose.image': 'sha256:i',
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.project': 'demo',
      'com.docker.compose.project.config_files': expect.stringMatching(/\/demo\/compose.yaml$/),
      'com.docker.compose.project.working_dir': expect.stringMatching(/\/demo$/),
      'com.docker.compose.service': 'web',
      'com.docker.compose.version': 'v',
    })
  })

  test('secrets: a file is mounted, the rest is copied in later', async () => {
    const { body } = await bodyOf(
      'secrets: [f, {source: f, target: /x/y}, e]',
      'secrets: {f: {file: /etc/f}, e: {environment: E}}',
    )
    expect(body).toMatchObject({
      HostConfig: {
        Mounts: [
          { Type: 'bind', Source: '/etc/f', Target: '/run/secrets/f', ReadOnly: true },
          { Type: 'bind', Source: '/etc/f', Target: '/x/y', ReadOnly: true },
        ],
      },
    })
  })
})

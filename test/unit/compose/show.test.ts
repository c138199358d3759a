/** `config`: what is shown is a compose file that says the same. */

import { expect, test } from 'vitest'
import { serviceHash } from '../../../src/compose/engine/hash.ts'
import { showProject } from '../../../src/compose/show.ts'
import { oneFile, project } from './project.ts'

const RICH = `
name: rich
x-top: {a: 1}
services:
  foo:
    annotations: [com.example.foo=bar]
    build:
      context: ./dir
      dockerfile_inline: |
        FROM busybox
        RUN echo $$HOME
      args: [A=1, B]
      additional_contexts: {other: ./bar, image: "docker-image://busybox"}
      secrets: [s]
      ulimits: {nofile: 10}
    command: echo "$$HOME" 'a b'
    entrypoint: []
    environment: {DOLLAR: "a$$b", EMPTY: "", NONE: , NUMBER: 1.5}
    depends_on: {bar: {condition: service_healthy, restart: true}}
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 50M}}}
    develop: {watch: [{action: sync, path: ./src, target: /src}]}
    devices: ["/dev/null:/dev/x:r"]
    env_file: [{path: e}]
    expose: [3000]
    extra_hosts: {host: 1.2.3.4}
    healthcheck: {test: "exit 0", interval: 1m30s}
    labels: {number: 42, empty: }
    networks: {net: {aliases: [a], ipv4_address: 10.1.2.3}, other: }
    ports: ["127.0.0.1:5000-5001:80-81/udp", 90]
    mem_reservation: 1g
    shm_size: 64m
    secrets: [{source: s, target: /t, mode: 0440}]
    configs: [c]
    sysctls: [net.core.somaxconn=1024]
    tmpfs: /run
    ulimits: {nproc: 1, nofile: {soft: 1, hard: 2}}
    volumes: [/anonymous, ".:/code:ro", "data:/data", {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]
    x-own: kept
  bar: {image: busybox, network_mode: host, profiles: [p], restart: "no"}
networks: {net: {ipam: {config: [{subnet: 10.1.2.0/24}]}}, other: {external: true, name: there}}
volumes: {data: {driver_opts: {type: none}}}
secrets: {s: {environment: S}}
configs: {c: {content: "a $$ sign"}}
`

test.each([
  ['YAML', false],
  ['JSON', true],
])('read again from %s it is the same project', async (_name, json) => {
  const written = await project({ 'compose.yaml': RICH, e: 'FROM_FILE=x$$y' })
  const first = await written.load({ profiles: ['p'] })
  const shown = showProject(first, json)
  const second = await oneFile(shown, { profiles: ['p'] })
  expect(showProject(second, json)).toBe(shown)
  for (const [name, service] of Object.entries(first.services)) {
    expect(second.services[name]).toEqual(service)
    expect(serviceHash(second, second.services[name] ?? service)).toBe(serviceHash(first, service))
  }
  expect({ ...second, files: [], folder: '', environment: {} }).toEqual({
    ...first,
    files: [],
    folder: '',
    environment: {},
  })
})

test('as Docker shows it', async () => {
  const text =
    'services: {web: {image: busybox, ports: ["8080:80"], environment: [B=1, A=$$x], volumes: ["data:/d"]}}\nvolumes: {data: }'
  expect(showProject(await oneFile(text), false)).toBe(`name: demo
services:
  web:
    command: null
    entrypoint: null
    environment:
      B: "1"
      A: $$x
    image: busybox
    networks:
      default: null
    ports:
      - mode: ingress
        target: 80
        published: "8080"
        protocol: tcp
    volumes:
      - type: volume
        source: data
        target: /d
        volume: {}
networks:
  default:
    name: demo_default
volumes:
  data:
    name: demo_data
`)
})

test('what is a text stays one for readers of YAML 1.1, as docker-compose is one', async () => {
  const shown = showProject(
    await oneFile('services: {a: {image: i, restart: "no", environment: {A: "on", B: "22:22", C: "0440", D: y}}}'),
    false,
  )
  for (const line of ['restart: "no"', 'A: "on"', 'B: "22:22"', 'C: "0440"', 'D: "y"']) expect(shown).toContain(line)
})

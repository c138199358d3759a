/** The containers of a soak: each kind with what is done with it while it lives. Whatever fails because something was killed is forgiven. */

import { setTimeout as pause } from 'node:timers/promises'
import { exec, type Spec } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import type { Random } from './random.ts'

export interface Kind {
  name: string
  spec(number: number, random: Random): Spec
  /** While it runs. */
  use?(engine: Engine, id: string): Promise<unknown>
}

const loop = ['sh', '-c', 'while :; do echo tick; sleep 0.2; done']
const none = { NetworkMode: 'none' }

export const NETWORK = 'soak-net'

export const KINDS: Kind[] = [
  { name: 'short', spec: () => ({ Image: 'busybox', Cmd: ['true'], HostConfig: none }) },
  { name: 'idle', spec: () => ({ Image: 'busybox', Cmd: ['sleep', '100000'] }) },
  {
    name: 'host image',
    spec: () => ({ Image: 'host', Cmd: ['sh', '-c', 'sleep 1; ls /'], HostConfig: none }),
  },
  {
    name: 'volumes',
    spec: number => ({
      Image: 'busybox',
      Cmd: [
        'sh',
        '-c',
        'dd if=/dev/zero of=/named/f bs=64k count=16; dd if=/dev/zero of=/anon/f bs=64k count=16; sleep 2',
      ],
      Volumes: { '/anon': {} },
      HostConfig: { ...none, Binds: [`soak-${number % 5}:/named`] },
    }),
  },
  {
    name: 'port',
    spec: () => ({
      Image: 'busybox',
      Cmd: ['httpd', '-f', '-p', '80'],
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '0' }] } },
    }),
  },
  {
    name: 'network',
    spec: number => ({
      Image: 'busybox',
      Cmd: ['sh', '-c', `while :; do nslookup soak-${number}; sleep 1; done`],
      HostConfig: { NetworkMode: NETWORK },
    }),
  },
  {
    name: 'health',
    spec: () => ({
      Image: 'busybox',
      Cmd: loop,
      Healthcheck: { Test: ['CMD', 'true'], Interval: 500_000_000 },
      HostConfig: none,
    }),
  },
  {
    name: 'restarts',
    spec: () => ({
      Image: 'busybox',
      Cmd: ['sh', '-c', 'sleep 0.5; exit 1'],
      HostConfig: { ...none, RestartPolicy: { Name: 'on-failure' } },
    }),
  },
  {
    name: 'always',
    spec: () => ({ Image: 'busybox', Cmd: loop, HostConfig: { ...none, RestartPolicy: { Name: 'always' } } }),
  },
  {
    name: 'terminal',
    spec: () => ({ Image: 'busybox', Cmd: ['sh'], Tty: true, OpenStdin: true, HostConfig: none }),
    async use(engine, id) {
      const terminal = await engine.api.hijack(`/containers/${id}/attach`, {
        query: { stream: 1, stdin: 1, stdout: 1 },
      })
      terminal.socket.on('error', () => undefined)
      terminal.socket.write('echo hello\n')
      await pause(200)
      terminal.socket.destroy()
    },
  },
  {
    name: 'exec',
    spec: () => ({ Image: 'busybox', Cmd: loop, HostConfig: none }),
    async use(engine, id) {
      for (let i = 0; i < 3; i++) await exec(engine, id, ['echo', String(i)])
    },
  },
  {
    name: 'logs',
    spec: () => ({ Image: 'busybox', Cmd: ['sh', '-c', 'seq 20000; sleep 1'], HostConfig: none }),
    use: (engine, id) => engine.api.bytes(`/containers/${id}/logs`, { stdout: 1 }),
  },
  {
    name: 'stats and pause',
    spec: () => ({ Image: 'busybox', Cmd: loop, HostConfig: { ...none, Memory: 64 << 20 } }),
    async use(engine, id) {
      await engine.api.get(`/containers/${id}/stats`, { stream: false, 'one-shot': true })
      await engine.api.post(`/containers/${id}/pause`)
      await engine.api.post(`/containers/${id}/unpause`)
    },
  },
  {
    name: 'removes itself',
    spec: () => ({
      Image: 'busybox',
      Cmd: ['sleep', '1'],
      Volumes: { '/anon': {} },
      HostConfig: { ...none, AutoRemove: true },
    }),
  },
]

/** dockerd's flags and keys: what they mean, and what is refused. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { parseCommandLine } from '../../../src/daemon/command-line.ts'
import { combine, readConfigFile } from '../../../src/daemon/config-file.ts'
import { listenAddresses } from '../../../src/daemon/listen.ts'
import { OPTIONS } from '../../../src/daemon/options.ts'
import { readSettings } from '../../../src/daemon/settings.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skiff-settings-'))
})
afterAll(() => rm(folder, { recursive: true }))

const flags = async (...words: string[]) => (await parseCommandLine(words, '0'))!.given

describe('the command line', () => {
  it('is dockerd’s, short and long', async () => {
    expect(
      await flags(
        '-H',
        'unix:///a',
        '-H',
        'tcp://b:1',
        '-D',
        '-l',
        'warn',
        '-p',
        '/p',
        '-G',
        'g',
        '--live-restore=false',
      ),
    ).toEqual({
      hosts: ['unix:///a', 'tcp://b:1'],
      debug: true,
      'log-level': 'warn',
      pidfile: '/p',
      group: 'g',
      'live-restore': false,
    })
  })

  it('has maps, limits and pools', async () => {
    expect(
      await flags(
        ...['--log-opt', 'max-size=1m', '--log-opt', 'max-file=2', '--default-ulimit', 'nofile=10:20'],
        ...['--default-address-pool', 'base=10.0.0.0/8,size=24', '--no-proxy', 'localhost'],
      ),
    ).toEqual({
      'log-opts': { 'max-size': '1m', 'max-file': '2' },
      'default-ulimits': { nofile: { Name: 'nofile', Soft: 10, Hard: 20 } },
      'default-address-pools': [{ base: '10.0.0.0/8', size: 24 }],
      'no-proxy': 'localhost',
    })
  })

  it('refuses what it does not know', async () => {
    await expect(flags('--userland-proxy-path', 'x')).rejects.toThrow('Unknown argument')
    await expect(flags('--log-opt', 'x')).rejects.toThrow('it must be key=value')
  })
})

describe('the file', () => {
  const file = async (content: string) => {
    const path = join(folder, 'daemon.json')
    await writeFile(path, content)
    return readConfigFile(path, { mustExist: true })
  }

  it('has Docker’s keys and no others', async () => {
    expect(await file('{"debug": true, "hosts": ["unix:///x"]}')).toEqual({ debug: true, hosts: ['unix:///x'] })
    await expect(file('{"debgu": true}')).rejects.toThrow(
      "the following directives don't match any configuration option: debgu",
    )
    await expect(file('{')).rejects.toThrow('unable to configure the skiff daemon with file')
    await expect(file('[]')).rejects.toThrow('it is not a JSON object')
  })

  it('must be there only if it was asked for', async () => {
    expect(await readConfigFile(join(folder, 'none'), { mustExist: false })).toEqual({})
    await expect(readConfigFile(join(folder, 'none'), { mustExist: true })).rejects.toThrow('no such file or directory')
  })

  it('must not say what a flag says, but may add to maps', () => {
    expect(() => combine({ debug: true, hosts: ['a'] }, { debug: false, hosts: ['b'] }, '/f')).toThrow(
      'the following directives are specified both as a flag and in the configuration file: ' +
        'host: (from flag: [a], from file: [b]), debug: (from flag: true, from file: false)',
    )
    expect(combine({ 'log-opts': { a: '1' } }, { 'log-opts': { b: '2' } }, '/f')).toEqual({
      'log-opts': { a: '1', b: '2' },
    })
  })
})

describe('settings', () => {
  it('have defaults', () =>
    expect(readSettings({}, {})).toMatchObject({
      dataRoot: '/var/lib/skiff',
      hosts: ['unix:///run/skiff/skiff.sock'],
      liveRestore: true,
      shmBytes: 64 * 1024 * 1024,
      logDriver: 'json-file',
    }))

  test.each([
    [{ debug: 'yes' }, 'debug must be true or false'],
    [{ 'data-root': 'relative' }, 'data-root must be an absolute path'],
    [{ hosts: 'x' }, 'hosts must be a list of texts'],
    [{ 'log-level': 'loud' }, 'log-level must be one of'],
    [{ 'default-shm-size': 'much' }, 'default-shm-size must be a size such as 64M'],
    [{ 'log-driver': 'fluentd' }, 'error looking up logging plugin fluentd'],
    [{ 'log-opts': { foo: 'x' } }, "unknown log opt 'foo'"],
    [{ 'default-ulimits': { foo: { Soft: 1, Hard: 1 } } }, 'invalid ulimit type: foo'],
  ])('%j is refused', (raw, message) => expect(() => readSettings(raw, {})).toThrow(message))

  it('of every option are read: none is taken and then ignored', () => {
    const read = new Set<string>()
    const watched = new Proxy({}, { get: (_target, key) => void read.add(String(key)) })
    readSettings(watched, {})
    expect([...read].sort()).toEqual(OPTIONS.map(({ key }) => key as string).sort())
  })
})

describe('sockets', () => {
  it('are Unix, TCP, or refused', async () => {
    expect(await listenAddresses([`unix://${folder}/sub/s.sock`, 'tcp://0.0.0.0:1234', 'tcp://[::1]:80'], '0')).toEqual(
      [
        { kind: 'unix', path: `${folder}/sub/s.sock`, mode: 0o660, gid: 0 },
        { kind: 'tcp', host: '0.0.0.0', port: 1234 },
        { kind: 'tcp', host: '::1', port: 80 },
      ],
    )
    await expect(listenAddresses(['npipe://x'], '0')).rejects.toThrow('invalid bind address')
    await expect(listenAddresses(['fd://'], '0')).rejects.toThrow('no sockets found via socket activation')
  })
})

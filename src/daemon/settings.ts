/** The daemon's configuration, read and checked: nothing behind this file asks what a text might mean. */

import { isIPv4 } from 'node:net'
import { checkLogConfig } from '../containers/logs/config.ts'
import { validateUlimit } from '../containers/spec/limits.ts'
import type { Ulimit } from '../containers/types.ts'
import type { TransferLimits } from '../images/registry/registry.ts'
import { InvalidParameter } from '../kernel/errors.ts'
import { BUILD_DIR } from '../kernel/native.ts'
import { DEFAULT_POOLS, type DefaultPool } from '../networks/subnet-choice.ts'
import type { StorageDriver } from '../snapshots/types.ts'
import type { OptionKey, RawSettings } from './options.ts'
import { passedSockets } from './service-manager.ts'

export interface Settings {
  dataRoot: string
  execRoot: string
  hosts: string[]
  group: string
  pidFile: string
  debug: boolean
  logLevel: string
  liveRestore: boolean
  shutdownTimeoutSeconds: number
  storageDriver: StorageDriver | ''
  labels: string[]
  /** HOST:PORT; '': no figures are served. */
  metricsAddress: string
  bridge: string
  bip: string
  fixedCidr: string
  ipv6: boolean
  fixedCidrV6: string
  /** Published ports of the default bridge are on this address, unless they name one. */
  defaultIp: string
  userlandProxy: boolean
  mtu: number | null
  icc: boolean
  ipMasq: boolean
  pools: readonly DefaultPool[]
  dns: string[]
  dnsSearch: string[]
  dnsOptions: string[]
  hostGateway: string
  logDriver: string
  /** systemd's, but for tests (SKIFF_JOURNAL_SOCKET). */
  journalSocket: string
  logOptions: Record<string, string>
  ulimits: Ulimit[]
  shmBytes: number
  ipcMode: 'private' | 'shareable'
  cgroupnsMode: '' | 'private' | 'host'
  cgroupParent: string
  init: boolean
  initPath: string
  noNewPrivileges: boolean
  usernsRemap: string
  seccompProfile: string
  insecureRegistries: string[]
  registryMirrors: string[]
  transfers: TransferLimits
  httpProxy: string
  httpsProxy: string
  noProxy: string
}

const DEFAULT_HOST = 'unix:///run/skiff/skiff.sock'
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

/** @throws InvalidParameter naming the setting */
export function readSettings(raw: RawSettings, env: NodeJS.ProcessEnv): Settings {
  const read = new Reader(raw)
  const hosts = read.list('hosts')
  const settings: Settings = {
    dataRoot: read.path('data-root', '/var/lib/skiff'),
    execRoot: read.path('exec-root', '/run/skiff'),
    // A service manager that passes sockets means them.
    hosts: hosts.length > 0 ? hosts : [passedSockets(env).length > 0 ? 'fd://' : DEFAULT_HOST],
    group: read.text('group', 'skiff'),
    pidFile: read.path('pidfile', '/run/skiff/skiffd.pid'),
    debug: read.flag('debug', false),
    logLevel: read.oneOf('log-level', ['', ...LEVELS, 'panic'], ''),
    liveRestore: read.flag('live-restore', true),
    shutdownTimeoutSeconds: read.number('shutdown-timeout', 15),
    storageDriver: read.oneOf('storage-driver', ['', 'overlay2', 'vfs'], ''),
    labels: read.list('labels'),
    metricsAddress: read.text('metrics-addr', ''),
    bridge: read.text('bridge', 'skiff0'),
    bip: read.text('bip', ''),
    fixedCidr: read.text('fixed-cidr', ''),
    ipv6: read.flag('ipv6', false),
    fixedCidrV6: read.text('fixed-cidr-v6', ''),
    defaultIp: read.ipv4('ip', '0.0.0.0'),
    userlandProxy: read.flag('userland-proxy', true),
    mtu: read.number('mtu', 0) || null,
    icc: read.flag('icc', true),
    ipMasq: read.flag('ip-masq', true),
    pools: read.pools(),
    dns: read.list('dns'),
    dnsSearch: read.list('dns-search'),
    dnsOptions: read.list('dns-opts'),
    hostGateway: read.text('host-gateway-ip', ''),
    logDriver: read.text('log-driver', 'json-file'),
    logOptions: read.map('log-opts'),
    journalSocket: env.SKIFF_JOURNAL_SOCKET ?? '/run/systemd/journal/socket',
    ulimits: read.ulimits(),
    shmBytes: bytes(read.text('default-shm-size', '64M'), 'default-shm-size'),
    ipcMode: read.oneOf('default-ipc-mode', ['private', 'shareable'], 'private'),
    cgroupnsMode: read.oneOf('default-cgroupns-mode', ['', 'private', 'host'], ''),
    cgroupParent: read.text('cgroup-parent', ''),
    init: read.flag('init', false),
    initPath: read.path('init-path', `${BUILD_DIR}skiff-init`),
    noNewPrivileges: read.flag('no-new-privileges', false),
    usernsRemap: read.text('userns-remap', ''),
    seccompProfile: read.text('seccomp-profile', ''),
    insecureRegistries: read.list('insecure-registries'),
    registryMirrors: read.list('registry-mirrors'),
    transfers: {
      downloads: read.countAtLeast(0, 'max-concurrent-downloads', 3),
      uploads: read.countAtLeast(0, 'max-concurrent-uploads', 5),
      attempts: read.countAtLeast(1, 'max-download-attempts', 5),
    },
    httpProxy: read.text('http-proxy', env.HTTP_PROXY ?? env.http_proxy ?? ''),
    httpsProxy: read.text('https-proxy', env.HTTPS_PROXY ?? env.https_proxy ?? ''),
    noProxy: read.text('no-proxy', env.NO_PROXY ?? env.no_proxy ?? ''),
  }
  checkLogConfig({ type: settings.logDriver, config: settings.logOptions })
  return settings
}

/** One value at a time, by what it shall be. */
class Reader {
  constructor(private readonly raw: RawSettings) {}

  text(key: OptionKey, missing: string): string {
    const value = this.raw[key] ?? missing
    if (typeof value !== 'string') throw wrong(key, 'a text')
    return value
  }

  path(key: OptionKey, missing: string): string {
    const value = this.text(key, missing)
    if (!value.startsWith('/')) throw wrong(key, 'an absolute path')
    return value.length > 1 ? value.replace(/\/+$/, '') : value
  }

  flag(key: OptionKey, missing: boolean): boolean {
    const value = this.raw[key] ?? missing
    if (typeof value !== 'boolean') throw wrong(key, 'true or false')
    return value
  }

  number(key: OptionKey, missing: number): number {
    const value = this.raw[key] ?? missing
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrong(key, 'a whole number')
    return value
  }

  /** @throws InvalidParameter in dockerd's words: `invalid max concurrent downloads: -1` */
  countAtLeast(least: number, key: OptionKey, missing: number): number {
    const value = this.number(key, missing)
    if (value < least) throw new InvalidParameter(`invalid ${key.replaceAll('-', ' ')}: ${value}`)
    return value
  }

  list(key: OptionKey): string[] {
    const value = this.raw[key] ?? []
    if (!Array.isArray(value) || value.some(item => typeof item !== 'string')) throw wrong(key, 'a list of texts')
    return value as string[]
  }

  oneOf<T extends string>(key: OptionKey, allowed: readonly T[], missing: T): T {
    const value = this.text(key, missing)
    const found = allowed.find(one => one === value)
    if (found === undefined) throw wrong(key, `one of ${allowed.filter(Boolean).join(', ')}`)
    return found
  }

  map(key: OptionKey): Record<string, string> {
    const value = this.raw[key] ?? {}
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isMap || Object.values(value).some(item => typeof item !== 'string')) throw wrong(key, 'a map of texts')
    return value as Record<string, string>
  }

  /** {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}} */
  ulimits(): Ulimit[] {
    const value = this.raw['default-ulimits'] ?? {}
    if (typeof value !== 'object' || value === null) throw wrong('default-ulimits', 'a map of limits')
    return Object.entries(value as Record<string, Record<string, unknown>>).map(([name, limit]) => {
      const ulimit = { name, soft: Number(limit.Soft), hard: Number(limit.Hard) }
      if (!Number.isInteger(ulimit.soft) || !Number.isInteger(ulimit.hard)) {
        throw wrong('default-ulimits', `a map of limits with Soft and Hard: ${name}`)
      }
      validateUlimit(ulimit)
      return ulimit
    })
  }

  ipv4(key: OptionKey, missing: string): string {
    const value = this.text(key, missing)
    if (!isIPv4(value)) throw wrong(key, 'an IPv4 address')
    return value
  }

  pools(): readonly DefaultPool[] {
    const value = this.raw['default-address-pools'] ?? []
    if (!Array.isArray(value)) throw wrong('default-address-pools', 'a list of {"base", "size"}')
    const pools = (value as Record<string, unknown>[]).map(({ base, size }) => {
      if (typeof base !== 'string' || typeof size !== 'number')
        throw wrong('default-address-pools', 'a list of {"base", "size"}')
      return { base, size }
    })
    return pools.length > 0 ? pools : DEFAULT_POOLS
  }
}

const wrong = (key: OptionKey, what: string): InvalidParameter => new InvalidParameter(`${key} must be ${what}`)

const FACTORS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

function bytes(text: string, key: OptionKey): number {
  const [, digits, unit = ''] = /^(\d+)\s*([kmg]?)b?$/i.exec(text) ?? []
  if (digits === undefined) throw wrong(key, 'a size such as 64M')
  return Number(digits) * (FACTORS[unit.toLowerCase()] ?? 1)
}

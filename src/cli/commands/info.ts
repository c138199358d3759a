/** skiff info: what the daemon knows of itself and its host. */

import { API_VERSION } from '../../client/engine.ts'
import { write } from '../../client/write.ts'
import { clientVersion } from '../client-version.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { objectFormatFlag } from '../output/format.ts'
import { objectFormatter } from '../output/object.ts'
import { binarySize } from '../output/sizes.ts'

interface Info {
  ID: string
  Containers: number
  ContainersRunning: number
  ContainersPaused: number
  ContainersStopped: number
  Images: number
  Driver: string
  DriverStatus?: [string, string][] | null
  Plugins: {
    Volume?: string[] | null
    Network?: string[] | null
    Authorization?: string[] | null
    Log?: string[] | null
  }
  LoggingDriver: string
  CgroupDriver: string
  CgroupVersion?: string
  KernelVersion: string
  OperatingSystem: string
  OSType: string
  Architecture: string
  NCPU: number
  MemTotal: number
  DockerRootDir: string
  HttpProxy?: string
  HttpsProxy?: string
  NoProxy?: string
  Name: string
  Labels?: string[] | null
  ExperimentalBuild: boolean
  ServerVersion: string
  Runtimes?: Record<string, unknown> | null
  DefaultRuntime?: string
  Swarm?: { LocalNodeState?: string } | null
  LiveRestoreEnabled: boolean
  InitBinary?: string
  ContainerdCommit?: { ID: string } | null
  RuncCommit?: { ID: string } | null
  InitCommit?: { ID: string } | null
  SecurityOptions?: string[] | null
  RegistryConfig?: {
    InsecureRegistryCIDRs?: string[] | null
    IndexConfigs?: Record<string, { Secure: boolean }> | null
    Mirrors?: string[] | null
  } | null
  Debug: boolean
  NFd?: number
  NGoroutines?: number
  SystemTime?: string
  NEventsListener?: number
  Warnings?: string[] | null
  ProductLicense?: string
  [key: string]: unknown
}

export const info = command({
  usage: '[OPTIONS]',
  arity: [0, 0],
  flags: { format: objectFormatFlag({ short: 'f' }) },
  async run({ session, engine, options }) {
    const format = options.format ? await objectFormatter(options.format) : undefined
    const { version, commit, built } = await clientVersion()
    let failure: Error | undefined
    const server = await engine.get<Info>('/info').catch((error: Error) => {
      failure = error
      return undefined
    })
    const client = {
      Debug: false,
      Version: version,
      DefaultAPIVersion: API_VERSION,
      GitCommit: commit,
      BuildTime: built,
      Context: 'default',
      Plugins: [],
      Warnings: null,
    }
    if (format) {
      await write(
        session.stdout,
        `${format({ ...server, ...(failure && { ServerErrors: [failure.message] }), ClientInfo: client })}\n`,
      )
      return failure ? 1 : 0
    }
    const head = `Client:\n Version:    ${version}\n Context:    default\n Debug Mode: false\n\nServer:\n`
    await write(session.stdout, head + (server ? `${lines(serverLines(server))}\n` : ''))
    if (failure) throw new CommandError(`${failure.message}\nerrors pretty printing info`)
    for (const warning of server?.Warnings ?? []) await write(session.stderr, `${warning}\n`)
    return 0
  },
})

/** A heading or an item of a list has no value. */
type Line = readonly [label: string, value: string | number | boolean | undefined]

const lines = (all: readonly Line[]): string =>
  all.map(([label, value]) => ` ${value === undefined ? label : `${label}: ${value}`}\n`).join('')

function serverLines(server: Info): Line[] {
  return [
    ['Containers', server.Containers],
    [' Running', server.ContainersRunning],
    [' Paused', server.ContainersPaused],
    [' Stopped', server.ContainersStopped],
    ['Images', server.Images],
    ['Server Version', server.ServerVersion],
    ['Storage Driver', server.Driver],
    ...(server.DriverStatus ?? []).map(([name, value]): Line => [` ${name}`, value]),
    ['Logging Driver', server.LoggingDriver],
    ['Cgroup Driver', server.CgroupDriver],
    ['Cgroup Version', server.CgroupVersion ?? '1'],
    ['Plugins:', undefined],
    ...plugins(server.Plugins),
    ['Swarm', server.Swarm?.LocalNodeState || 'inactive'],
    ...runtime(server),
    ...security(server.SecurityOptions ?? []),
    ['Kernel Version', server.KernelVersion],
    ['Operating System', server.OperatingSystem],
    ['OSType', server.OSType],
    ['Architecture', server.Architecture],
    ['CPUs', server.NCPU],
    ['Total Memory', binarySize(server.MemTotal)],
    ['Name', server.Name],
    ['ID', server.ID],
    ['Docker Root Dir', server.DockerRootDir],
    ['Debug Mode', server.Debug],
    ...debugging(server),
    ...proxies(server),
    ...(server.Labels?.length
      ? ([['Labels:', undefined], ...server.Labels.map((label): Line => [` ${label}`, undefined])] as Line[])
      : []),
    ['Experimental', server.ExperimentalBuild],
    ...registries(server.RegistryConfig ?? {}),
    ['Live Restore Enabled', server.LiveRestoreEnabled],
    ...(server.ProductLicense ? [['Product License', server.ProductLicense] as Line] : []),
  ]
}

const plugins = ({ Volume, Network, Authorization, Log }: Info['Plugins']): Line[] => [
  [' Volume', (Volume ?? []).join(' ')],
  [' Network', (Network ?? []).join(' ')],
  ...(Authorization?.length ? [[' Authorization', Authorization.join(' ')] as Line] : []),
  [' Log', (Log ?? []).join(' ')],
]

function runtime(server: Info): Line[] {
  const names = Object.keys(server.Runtimes ?? {})
  const commit = (label: string, of: { ID: string } | null | undefined): Line[] => (of ? [[label, of.ID]] : [])
  return [
    ...(names.length > 0
      ? ([
          ['Runtimes', names.sort().join(' ')],
          ['Default Runtime', server.DefaultRuntime ?? ''],
        ] as Line[])
      : []),
    ['Init Binary', server.InitBinary ?? ''],
    ...commit('containerd version', server.ContainerdCommit),
    ...commit('runc version', server.RuncCommit),
    ...commit('init version', server.InitCommit),
  ]
}

/** `name=seccomp,profile=default`: the name, then what there is to say of it. */
function security(options: readonly string[]): Line[] {
  if (options.length === 0) return []
  const described = options.flatMap((option): Line[] => {
    const fields = option.split(',').map(field => field.split('='))
    const name = fields.find(([key]) => key === 'name')?.[1] ?? option
    const rest = fields.filter(([key]) => key !== 'name')
    return [
      [` ${name}`, undefined],
      ...rest.map(([key = '', value]): Line => [`  ${key.charAt(0).toUpperCase()}${key.slice(1)}`, value]),
    ]
  })
  return [['Security Options:', undefined], ...described]
}

const debugging = ({ Debug, NFd, NGoroutines, SystemTime, NEventsListener }: Info): Line[] =>
  Debug
    ? [
        [' File Descriptors', NFd],
        [' Goroutines', NGoroutines],
        [' System Time', SystemTime],
        [' EventsListeners', NEventsListener],
      ]
    : []

const proxies = ({ HttpProxy, HttpsProxy, NoProxy }: Info): Line[] => [
  ...(HttpProxy ? [['HTTP Proxy', HttpProxy] as Line] : []),
  ...(HttpsProxy ? [['HTTPS Proxy', HttpsProxy] as Line] : []),
  ...(NoProxy ? [['No Proxy', NoProxy] as Line] : []),
]

function registries({ InsecureRegistryCIDRs, IndexConfigs, Mirrors }: NonNullable<Info['RegistryConfig']>): Line[] {
  const insecure = Object.entries(IndexConfigs ?? {})
    .filter(([, { Secure }]) => !Secure)
    .map(([name]) => name)
  const item = (text: string): Line => [` ${text}`, undefined]
  const all = [...insecure, ...(InsecureRegistryCIDRs ?? [])]
  return [
    ...(all.length > 0 ? [['Insecure Registries:', undefined] as Line, ...all.map(item)] : []),
    ...(Mirrors?.length ? [['Registry Mirrors:', undefined] as Line, ...Mirrors.map(item)] : []),
  ]
}

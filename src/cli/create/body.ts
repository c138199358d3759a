/** From the flags of `run` and `create` to the body of POST /containers/create. */

import { readFile } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import type { Session } from '../session.ts'
import { capabilities } from './capabilities.ts'
import {
  checkDevice,
  checkDeviceRule,
  parseByteRate,
  parseDevice,
  parseOperationRate,
  parseWeightDevice,
} from './devices.ts'
import { environment, keyValues, labels, openFailure } from './environment.ts'
import type { CreateOptions } from './flags.ts'
import { healthcheck } from './health.ts'
import { networking } from './network.ts'
import { parsePorts } from './ports.ts'
import { restartPolicy } from './restart.ts'

export interface CreateBody {
  readonly AttachStdin: boolean
  readonly AttachStdout: boolean
  readonly AttachStderr: boolean
  readonly Tty: boolean
  readonly OpenStdin: boolean
  readonly Image: string
  readonly HostConfig: { readonly AutoRemove: boolean; readonly [key: string]: unknown }
  readonly [key: string]: unknown
}

export interface CreateRequest {
  readonly session: Session
  readonly options: CreateOptions
  readonly given: ReadonlySet<string>
  readonly image: string
  readonly command: readonly string[]
}

const REFUSED: Readonly<Record<string, string>> = {
  gpus: 'GPUs are given to a container with --device',
  'cpu-count': 'it is for Windows',
  'cpu-percent': 'it is for Windows',
  'io-maxbandwidth': 'it is for Windows',
  'io-maxiops': 'it is for Windows',
  'use-api-socket': 'mount the socket with --volume',
}

/** The positionals of `run` and `create`: an image and a command, or a command alone where a snapshot stands for the image. */
export function imageAndCommand(
  options: Pick<CreateOptions, 'from-snapshot'>,
  args: readonly string[],
): Pick<CreateRequest, 'image' | 'command'> {
  if (options['from-snapshot']) return { image: '', command: args }
  const [image = '', ...command] = args
  return { image, command }
}

/** @throws Error for what cannot be, in Docker's words */
export async function createBody({ session, options, given, image, command }: CreateRequest): Promise<CreateBody> {
  for (const name of given) {
    if (name in REFUSED) throw new Error(`--${name} is not supported by skiff: ${REFUSED[name]}`)
  }
  if (!options['disable-content-trust'])
    throw new Error('--disable-content-trust=false is not supported by skiff: it verifies no signatures')
  const swappiness = options['memory-swappiness']
  if (swappiness !== -1 && (swappiness < 0 || swappiness > 100))
    throw new Error(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`)
  const { EndpointsConfig, NetworkMode } = networks(options)
  const ports = parsePorts(options.publish, options.expose)
  const volumes = splitVolumes(session, options.volume)
  const health = healthcheck(options, given)
  return {
    ...streams(options),
    Hostname: options.hostname,
    Domainname: options.domainname,
    User: options.user,
    ExposedPorts: ports.ExposedPorts,
    Env: await environment(session, options['env-file'], options.env),
    Cmd: command.length > 0 ? command : null,
    ...(health && { Healthcheck: health }),
    Image: image,
    ...(options['from-snapshot'] && { FromSnapshot: options['from-snapshot'] }),
    Volumes: volumes.anonymous,
    WorkingDir: options.workdir,
    Entrypoint: given.has('entrypoint') ? [options.entrypoint] : null,
    Labels: await labels(session, options['label-file'], options.label),
    ...(options['stop-signal'] && { StopSignal: options['stop-signal'] }),
    ...(given.has('stop-timeout') && { StopTimeout: options['stop-timeout'] }),
    HostConfig: {
      ...(await hostConfig(session, options, given)),
      Binds: volumes.binds,
      PortBindings: ports.PortBindings,
      NetworkMode,
    } as CreateBody['HostConfig'],
    ...(EndpointsConfig && { NetworkingConfig: { EndpointsConfig } }),
  }
}

/** Attached are the streams named with -a; else, unless detached, all but a stdin that is not wanted. */
function streams(options: CreateOptions & { detach?: boolean }) {
  const { attach, interactive, tty } = options
  const named = attach.length > 0
  const wants = (stream: string, otherwise: boolean) => (named ? attach.includes(stream) : otherwise && !options.detach)
  const AttachStdin = wants('stdin', interactive) || (named && interactive)
  return {
    AttachStdin,
    AttachStdout: wants('stdout', true),
    AttachStderr: wants('stderr', true),
    Tty: tty,
    OpenStdin: interactive,
    StdinOnce: interactive && AttachStdin,
  }
}

const networks = (options: CreateOptions) =>
  networking(options.network, {
    aliases: options['network-alias'],
    links: options.link,
    ip: options.ip,
    ip6: options.ip6,
    linkLocalIps: options['link-local-ip'],
    macAddress: options['mac-address'],
  })

/** Those with a source are binds; a path alone is an anonymous volume. A relative source is of the session's folder. */
function splitVolumes(session: Session, given: readonly string[]) {
  const anonymous: Record<string, object> = {}
  const binds: string[] = []
  for (const text of given) {
    const [source = '', ...rest] = text.split(':')
    // A single letter may be a drive of Windows: the daemon says what it thinks of it.
    if (rest.length > 2 && !/(^|:)[a-z]:/i.test(text)) throw new Error(`invalid spec: ${text}: too many colons`)
    if (rest.length === 0) anonymous[text] = {}
    else if (/^\.\.?(\/|$)/.test(source)) binds.push([resolve(session.cwd, source), ...rest].join(':'))
    else binds.push(text)
  }
  return { anonymous, binds: binds.length > 0 ? binds : null }
}

const orNull = <T>(items: readonly T[]): readonly T[] | null => (items.length > 0 ? items : null)

async function hostConfig(session: Session, options: CreateOptions, given: ReadonlySet<string>) {
  const restart = restartPolicy(options.restart)
  if (options.rm && !['', 'no'].includes(restart.Name))
    throw new Error('conflicting options: cannot specify both --restart and --rm')
  return {
    ContainerIDFile: options.cidfile,
    LogConfig: { Type: options['log-driver'], Config: logOptions(options) },
    RestartPolicy: restart,
    AutoRemove: options.rm,
    VolumeDriver: options['volume-driver'],
    VolumesFrom: orNull(options['volumes-from']),
    ConsoleSize: consoleSize(session),
    ...(given.has('annotation') && { Annotations: options.annotation }),
    ...capabilities(options['cap-add'], options['cap-drop']),
    CgroupnsMode: oneOf(options.cgroupns, ['', 'host', 'private'], '--cgroupns: invalid CGROUP mode'),
    Dns: options.dns,
    DnsOptions: options['dns-option'],
    DnsSearch: options['dns-search'],
    ExtraHosts: orNull(options['add-host']),
    GroupAdd: orNull(options['group-add']),
    IpcMode: options.ipc,
    Links: orNull(options.link),
    OomScoreAdj: options['oom-score-adj'],
    PidMode: namespaceMode(options.pid, '--pid: invalid PID mode'),
    Privileged: options.privileged,
    PublishAllPorts: options['publish-all'],
    ReadonlyRootfs: options['read-only'],
    ...(await security(session, options['security-opt'])),
    ...(options['storage-opt'].length > 0 && { StorageOpt: keyValues(options['storage-opt']) }),
    ...(options.tmpfs.length > 0 && { Tmpfs: Object.fromEntries(options.tmpfs.map(tmpfs)) }),
    UTSMode: oneOf(options.uts, ['', 'host'], '--uts: invalid UTS mode'),
    UsernsMode: oneOf(options.userns, ['', 'host'], '--userns: invalid USER mode'),
    ShmSize: options['shm-size'],
    ...(given.has('sysctl') && { Sysctls: options.sysctl }),
    ...(options.runtime && { Runtime: options.runtime }),
    Isolation: options.isolation,
    ...(given.has('init') && { Init: options.init }),
    ...(options.mount.length > 0 && { Mounts: options.mount.map(mount => bindSource(session, mount)) }),
    ...limits(options),
  }
}

const bindSource = <M extends { Type: string; Source?: string }>(session: Session, mount: M): M =>
  mount.Type === 'bind' && mount.Source && !isAbsolute(mount.Source) && mount.Source.startsWith('.')
    ? { ...mount, Source: resolve(session.cwd, mount.Source) }
    : mount

function limits(options: CreateOptions) {
  for (const device of options.device) checkDevice(device)
  return {
    CpuShares: options['cpu-shares'],
    Memory: options.memory,
    NanoCpus: options.cpus,
    CgroupParent: options['cgroup-parent'],
    BlkioWeight: options['blkio-weight'],
    BlkioWeightDevice: options['blkio-weight-device'].map(parseWeightDevice),
    BlkioDeviceReadBps: options['device-read-bps'].map(parseByteRate),
    BlkioDeviceWriteBps: options['device-write-bps'].map(parseByteRate),
    BlkioDeviceReadIOps: options['device-read-iops'].map(parseOperationRate),
    BlkioDeviceWriteIOps: options['device-write-iops'].map(parseOperationRate),
    CpuPeriod: options['cpu-period'],
    CpuQuota: options['cpu-quota'],
    CpuRealtimePeriod: options['cpu-rt-period'],
    CpuRealtimeRuntime: options['cpu-rt-runtime'],
    CpusetCpus: options['cpuset-cpus'],
    CpusetMems: options['cpuset-mems'],
    Devices: options.device.map(parseDevice),
    DeviceCgroupRules: orNull(options['device-cgroup-rule'].map(checkDeviceRule)),
    ...(options['kernel-memory'] > 0 && { KernelMemory: options['kernel-memory'] }),
    MemoryReservation: options['memory-reservation'],
    MemorySwap: options['memory-swap'],
    MemorySwappiness: options['memory-swappiness'],
    OomKillDisable: options['oom-kill-disable'],
    PidsLimit: options['pids-limit'],
    Ulimits: options.ulimit,
  }
}

/** [rows, columns] of the terminal, so that the container's has its size from the first moment. */
function consoleSize(session: Session): [number, number] {
  const size = session.isTerminal.stdout ? session.windowSize() : undefined
  return [size?.rows ?? 0, size?.columns ?? 0]
}

function logOptions(options: CreateOptions): Record<string, string> {
  if (options['log-driver'] === 'none' && options['log-opt'].length > 0)
    throw new Error('invalid logging opts for driver none')
  return keyValues(options['log-opt'])
}

function oneOf(value: string, allowed: readonly string[], complaint: string): string {
  if (!allowed.includes(value)) throw new Error(complaint)
  return value
}

function namespaceMode(value: string, complaint: string): string {
  if (!/^(|host|container:.+)$/.test(value)) throw new Error(complaint)
  return value
}

function tmpfs(text: string): [string, string] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

/** A seccomp profile goes out as its content; `systempaths=unconfined` means that no path is masked. */
async function security(session: Session, given: readonly string[]) {
  const options: string[] = []
  let unmasked = false
  for (const option of given) {
    const [, name = '', separator, value = ''] = /^([^=:]*)([=:]?)(.*)$/s.exec(option) ?? []
    if (!separator && option !== 'no-new-privileges')
      throw new Error(`Invalid --security-opt: ${JSON.stringify(option)}`)
    if (name === 'systempaths' && value === 'unconfined') unmasked = true
    else if (name === 'seccomp' && !['unconfined', 'builtin'].includes(value))
      options.push(`seccomp=${await profile(session, value)}`)
    else options.push(option)
  }
  return { SecurityOpt: orNull(options), ...(unmasked && { MaskedPaths: [], ReadonlyPaths: [] }) }
}

async function profile(session: Session, file: string): Promise<string> {
  try {
    return JSON.stringify(JSON.parse(await readFile(resolve(session.cwd, file), 'utf8')))
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new Error(`compacting json for seccomp profile (${file}) failed: ${error.message}`)
    throw new Error(`opening seccomp profile (${file}) failed: ${openFailure(file, error)}`)
  }
}

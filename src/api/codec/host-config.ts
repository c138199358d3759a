/** The part of a container's configuration that belongs to this machine. Engine API reference, "HostConfig". */

import type { DeviceMapping, HostConfig, LogConfig, MountRequest, PortBinding, Ulimit } from '../../containers/types.ts'
import { resources, restartPolicy } from './resources.ts'
import {
  anything,
  bool,
  type Codec,
  fileMode,
  int,
  int64,
  list,
  map,
  mapped,
  nullable,
  stringOrList,
  text,
  uint,
  undefinable,
  word,
} from './schema.ts'
import { field, inline, omitEmpty, omitNull, Struct } from './struct.ts'

const logConfig = new Struct<LogConfig>('container.LogConfig', {
  type: field('Type', text),
  config: field('Config', map(text)),
})

const portBinding = new Struct<PortBinding>('nat.PortBinding', {
  hostIp: field('HostIp', text),
  hostPort: field('HostPort', text),
})
export const portMap = map(list(portBinding, '[]nat.PortBinding', []), 'nat.PortMap')

export const ulimit = new Struct<Ulimit>('units.Ulimit', {
  name: field('Name', text),
  hard: field('Hard', int64),
  soft: field('Soft', int64),
})

const deviceMapping = new Struct<DeviceMapping>('container.DeviceMapping', {
  pathOnHost: field('PathOnHost', text),
  pathInContainer: field('PathInContainer', text),
  cgroupPermissions: field('CgroupPermissions', text),
})

const bindOptions = new Struct<NonNullable<MountRequest['bind']>>('mount.BindOptions', {
  propagation: omitEmpty('Propagation', word('mount.Propagation')),
  nonRecursive: omitEmpty('NonRecursive', bool),
  createMountpoint: omitEmpty('CreateMountpoint', bool),
  readonlyNonRecursive: omitEmpty('ReadOnlyNonRecursive', bool),
  readonlyForceRecursive: omitEmpty('ReadOnlyForceRecursive', bool),
})

const volumeDriver = new Struct<{ name: string; options: Record<string, string> }>('mount.Driver', {
  name: omitEmpty('Name', text),
  options: omitEmpty('Options', map(text)),
})

const volumeOptions = new Struct<NonNullable<MountRequest['volume']>>('mount.VolumeOptions', {
  noCopy: omitEmpty('NoCopy', bool),
  labels: omitEmpty('Labels', map(text)),
  subpath: omitEmpty('Subpath', text),
  driver: omitEmpty('DriverConfig', nullable(volumeDriver)),
})

const tmpfsOptions = new Struct<NonNullable<MountRequest['tmpfs']>>('mount.TmpfsOptions', {
  sizeBytes: omitEmpty('SizeBytes', int64),
  mode: omitEmpty('Mode', fileMode),
  options: omitEmpty('Options', list(list(text), '[][]string')),
})

const mount = new Struct<MountRequest>('mount.Mount', {
  type: omitEmpty('Type', word<MountRequest['type']>('mount.Type')),
  source: omitEmpty('Source', text),
  target: omitEmpty('Target', text),
  readonly: omitEmpty('ReadOnly', bool),
  consistency: omitEmpty('Consistency', word('mount.Consistency')),
  bind: omitEmpty('BindOptions', undefinable(bindOptions)),
  volume: omitEmpty('VolumeOptions', undefinable(volumeOptions)),
  tmpfs: omitEmpty('TmpfsOptions', undefinable(tmpfsOptions)),
})

/** Height and width, in that order. */
export const consoleSize: Codec<{ rows: number; columns: number }> = mapped(
  list(uint, '[2]uint'),
  ([rows = 0, columns = 0]) => ({ rows, columns }),
  ({ rows, columns }) => [rows, columns],
)

const mode = (name: string) => word<string>(`container.${name}`)
/** null is the default, [] none at all. */
const paths = nullable(list(text, '[]string', []))

export const hostConfig = new Struct<HostConfig>('container.HostConfig', {
  binds: field('Binds', list(text)),
  containerIdFile: field('ContainerIDFile', text),
  logConfig: field('LogConfig', logConfig),
  networkMode: field('NetworkMode', mode('NetworkMode')),
  portBindings: field('PortBindings', portMap),
  restartPolicy: field('RestartPolicy', restartPolicy),
  autoRemove: field('AutoRemove', bool),
  volumeDriver: field('VolumeDriver', text),
  volumesFrom: field('VolumesFrom', list(text)),
  consoleSize: field('ConsoleSize', consoleSize),
  annotations: omitEmpty('Annotations', map(text)),
  capAdd: field(
    'CapAdd',
    mapped(nullable(stringOrList), words => words ?? [], orNull),
  ),
  capDrop: field(
    'CapDrop',
    mapped(nullable(stringOrList), words => words ?? [], orNull),
  ),
  cgroupnsMode: field('CgroupnsMode', mode('CgroupnsMode')),
  dns: field('Dns', list(text, '[]string', [])),
  dnsOptions: field('DnsOptions', list(text, '[]string', [])),
  dnsSearch: field('DnsSearch', list(text, '[]string', [])),
  extraHosts: field('ExtraHosts', list(text)),
  groupAdd: field('GroupAdd', list(text)),
  ipcMode: field('IpcMode', mode('IpcMode')),
  cgroup: field('Cgroup', mode('CgroupSpec')),
  links: field('Links', list(text)),
  oomScoreAdj: field('OomScoreAdj', int),
  pidMode: field('PidMode', mode('PidMode')),
  privileged: field('Privileged', bool),
  publishAllPorts: field('PublishAllPorts', bool),
  readonlyRootfs: field('ReadonlyRootfs', bool),
  securityOpt: field('SecurityOpt', list(text)),
  storageOpt: omitEmpty('StorageOpt', map(text)),
  tmpfs: omitEmpty('Tmpfs', map(text)),
  utsMode: field('UTSMode', mode('UTSMode')),
  usernsMode: field('UsernsMode', mode('UsernsMode')),
  shmBytes: field('ShmSize', int64),
  sysctls: omitEmpty('Sysctls', map(text)),
  runtime: field('Runtime', text),
  isolation: field('Isolation', mode('Isolation')),
  resources: inline(resources),
  cgroupParent: field('CgroupParent', text),
  devices: field('Devices', list(deviceMapping, '[]container.DeviceMapping', [])),
  deviceCgroupRules: field('DeviceCgroupRules', list(text)),
  deviceRequests: field('DeviceRequests', list(anything, '[]container.DeviceRequest')),
  ulimits: field('Ulimits', list(ulimit, '[]*units.Ulimit', [])),
  mounts: omitEmpty('Mounts', list(mount, '[]mount.Mount')),
  maskedPaths: field('MaskedPaths', paths),
  readonlyPaths: field('ReadonlyPaths', paths),
  init: omitNull('Init', nullable(bool)),
})

function orNull(words: string[]): string[] | null {
  return words.length === 0 ? null : words
}

/** From the API's JSON to what templates work on: which objects are maps, with any keys, and which have fields. */

import { NIL_MAP, NIL_SLICE } from '../template/values.ts'

/** The fields whose objects are maps in the API. Source: engine-api-v1.47.yaml, additionalProperties. */
const MAPS = new Set([
  'Annotations',
  'Attributes',
  'AuxiliaryAddresses',
  'Containers',
  'Data',
  'Details',
  'DriverOpts',
  'ExposedPorts',
  'Labels',
  'Networks',
  'Options',
  'PortBindings',
  'Ports',
  'Runtimes',
  'Status',
  'StorageOpt',
  'Sysctls',
  'Tmpfs',
  'Volumes',
])

/** The fields that are lists in the API; of those that may be null the more frequent ones. */
const LISTS = new Set([
  'Aliases',
  'Binds',
  'CapAdd',
  'CapDrop',
  'Cmd',
  'DeviceCgroupRules',
  'DeviceRequests',
  'Dns',
  'DnsOptions',
  'DnsSearch',
  'DNSNames',
  'Entrypoint',
  'Env',
  'ExecIDs',
  'ExtraHosts',
  'GroupAdd',
  'Links',
  'MaskedPaths',
  'OnBuild',
  'ReadonlyPaths',
  'RepoDigests',
  'RepoTags',
  'SecondaryIPAddresses',
  'SecondaryIPv6Addresses',
  'SecurityOpt',
  'Shell',
  'Ulimits',
  'VolumesFrom',
  'Warnings',
])

/** Of LogConfig, where Config is a map; elsewhere it has fields. */
const isMap = (key: string, parent: string): boolean => MAPS.has(key) || (key === 'Config' && parent === 'LogConfig')

export function toData(value: unknown, key = '', parent = ''): unknown {
  if (Array.isArray(value)) return value.map(item => toData(item, '', key))
  if (value === null) return isMap(key, parent) ? NIL_MAP : LISTS.has(key) ? NIL_SLICE : null
  if (typeof value !== 'object') return value
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => [name, toData(item, name, key)])
  return isMap(key, parent) ? new Map(entries) : Object.fromEntries(entries)
}

/** The flags of `run` and `create`: everything that a new container can be told. */

import { isIP } from 'node:net'
import { parseDuration } from '../output/durations.ts'
import { parseSize } from '../output/sizes.ts'
import {
  bool,
  type FlagOptions,
  int,
  list,
  listOf,
  map,
  parseInt10,
  single,
  string,
  type Values,
} from '../parse/flag.ts'
import { checkVariable } from './environment.ts'
import { parseMount } from './mount.ts'
import { parseNetwork } from './network.ts'
import { parseUlimit } from './ulimit.ts'

/** A size in bytes with a unit; 0 when not given. */
export const bytes = (usage: string, options?: FlagOptions) => single('bytes', usage, 0, parseSize, options)
/** A duration in nanoseconds; 0 when not given. */
const duration = (usage: string, options?: FlagOptions) =>
  single('duration', usage, 0, parseDuration, { shownDefault: '0s', ...options })
/** Windows knows these; here they are refused by name. */
const windows = (type: string) => single(type, '(Windows only, refused)', '', text => text)

/** --cpus 1.5 in units of 1e-9 CPUs. */
export const cpus = (usage: string) =>
  single('decimal', usage, 0, text => {
    if (!/^(\d+\.?\d*|\.\d+)$/.test(text)) throw new Error(`failed to parse ${text} as a rational number`)
    const nano = Number(text) * 1e9
    if (Math.abs(nano - Math.round(nano)) > 1e-4) throw new Error('value is too precise')
    return Math.round(nano)
  })

/** -1 is no limit at all. */
export const swapBytes = (usage: string) => single('bytes', usage, 0, text => (text === '-1' ? -1 : parseSize(text)))

export const blkioWeight = () =>
  single(
    'uint16',
    'Block I/O weight relative to others, 10 to 1000, or 0 for none',
    0,
    text => parseInt10(text, 'ParseUint'),
    {
      shownDefault: '0',
    },
  )

const attachStream = (text: string): string => {
  const stream = text.toLowerCase()
  if (!['stdin', 'stdout', 'stderr'].includes(stream)) throw new Error('valid streams are STDIN, STDOUT and STDERR')
  return stream
}

/** name:address or name=address; the API takes the first. */
function extraHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text)
  if (!match) throw new Error(`bad format for add-host: ${JSON.stringify(text)}`)
  const address = match[2]?.replace(/^\[(.*)\]$/, '$1') ?? ''
  if (address !== 'host-gateway' && isIP(address) === 0)
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`)
  return `${match[1]}:${address}`
}

function dnsServer(text: string): string {
  if (isIP(text.trim()) === 0) throw new Error(`IP address is not correctly formatted: ${text}`)
  return text.trim()
}

export const CREATE_FLAGS = {
  'add-host': listOf('list', 'Add a line to /etc/hosts: name:address, address may be host-gateway', extraHost),
  annotation: map('Add an annotation to the container'),
  attach: listOf('list', 'Attach to stdin, stdout or stderr', attachStream, { short: 'a' }),
  'blkio-weight': blkioWeight(),
  'blkio-weight-device': list('Block I/O weight for one device: path:weight', { shownDefault: '[]' }),
  'cap-add': list('Add a Linux capability'),
  'cap-drop': list('Drop a Linux capability'),
  'cgroup-parent': string('Parent cgroup of the container'),
  cgroupns: string(
    "Cgroup namespace\n'host':    the host's\n'private': its own\n'':        as the daemon is configured (default)",
  ),
  cidfile: string("Write the container's ID to this file"),
  'cpu-count': windows('int'),
  'cpu-percent': windows('int'),
  'cpu-period': int('Period of the CPU quota in microseconds'),
  'cpu-quota': int('CPU time in microseconds that may be used in a period'),
  'cpu-rt-period': int('Period of the real-time CPU quota in microseconds'),
  'cpu-rt-runtime': int('Real-time CPU time in microseconds in a period'),
  'cpu-shares': int('CPU shares relative to others', { short: 'c' }),
  cpus: cpus('Number of CPUs that may be used'),
  'cpuset-cpus': string('CPUs that may be used: 0-3, 0,1'),
  'cpuset-mems': string('Memory nodes that may be used: 0-3, 0,1'),
  device: list('Make a device of the host available: path[:path in container[:rwm]]'),
  'device-cgroup-rule': list('Add a rule to the list of allowed devices: "c 1:3 rwm"'),
  'device-read-bps': list('Limit reads from a device, bytes per second: path:rate', { shownDefault: '[]' }),
  'device-read-iops': list('Limit reads from a device, operations per second: path:rate', { shownDefault: '[]' }),
  'device-write-bps': list('Limit writes to a device, bytes per second: path:rate', { shownDefault: '[]' }),
  'device-write-iops': list('Limit writes to a device, operations per second: path:rate', { shownDefault: '[]' }),
  'disable-content-trust': bool('Skip verification of signatures', { initial: true }),
  dns: listOf('list', 'Set a DNS server', dnsServer),
  'dns-option': list('Set an option of the resolver', { aliases: ['dns-opt'] }),
  'dns-search': list('Set a DNS search domain'),
  domainname: string('NIS domain name of the container'),
  entrypoint: string("Replace the image's entrypoint"),
  env: listOf('list', 'Set an environment variable; without a value, take it from here', checkVariable, { short: 'e' }),
  'env-file': list('Read environment variables from a file'),
  expose: list('Expose a port or a range of ports'),
  'from-snapshot': string('Begin where this snapshot was taken, in place of an image'),
  gpus: single('gpu-request', 'GPUs to add to the container (refused)', '', text => text),
  'group-add': list('Join an additional group'),
  'health-cmd': string('Command that checks the health'),
  'health-interval': duration('Time between two checks'),
  'health-retries': int('Failures in a row that make it unhealthy'),
  'health-start-interval': duration('Time between two checks during the start period'),
  'health-start-period': duration('Time in which failures do not count yet'),
  'health-timeout': duration('Time that a check may take'),
  help: bool('Print usage'),
  hostname: string('Host name of the container', { short: 'h' }),
  init: bool('Run an init in the container that forwards signals and reaps processes'),
  interactive: bool('Keep stdin open even if not attached', { short: 'i' }),
  'io-maxbandwidth': windows('bytes'),
  'io-maxiops': windows('uint'),
  ip: string('IPv4 address: 172.30.100.104'),
  ip6: string('IPv6 address: 2001:db8::33'),
  ipc: string('IPC namespace: private, shareable, none, host, container:NAME'),
  isolation: string('Kind of isolation: default'),
  'kernel-memory': bytes('Limit of kernel memory'),
  label: list('Set a label', { short: 'l' }),
  'label-file': list('Read labels from a file'),
  link: list('Link to another container: name[:alias]'),
  'link-local-ip': list('Link-local address of the container'),
  'log-driver': string('Log driver of the container'),
  'log-opt': list('Option of the log driver'),
  'mac-address': string('MAC address: 92:d0:c6:0a:29:33'),
  memory: bytes('Memory limit', { short: 'm' }),
  'memory-reservation': bytes('Memory that is protected from others; a soft limit'),
  'memory-swap': swapBytes("Limit of memory and swap together; '-1' for unlimited swap"),
  'memory-swappiness': int('How readily memory is swapped out, 0 to 100', { initial: -1 }),
  mount: listOf('mount', 'Attach a file system: type=bind|volume|tmpfs,source=…,target=…', parseMount),
  name: string('Name of the container'),
  network: listOf('network', 'Connect to a network', parseNetwork, { aliases: ['net'] }),
  'network-alias': list('Further name of the container in the network', { aliases: ['net-alias'] }),
  'no-healthcheck': bool("Do not run the image's health check"),
  'oom-kill-disable': bool('Do not kill when memory runs out'),
  'oom-score-adj': int("The host's preference when memory runs out, -1000 to 1000"),
  pid: string('PID namespace: host, container:NAME'),
  'pids-limit': int('Limit of processes; -1 for unlimited'),
  platform: string('Platform: os[/arch[/variant]]'),
  privileged: bool('Give all privileges of the host'),
  publish: list('Publish a port: [[address:]host port:]container port[/protocol]', { short: 'p' }),
  'publish-all': bool('Publish all exposed ports at random ports', { short: 'P' }),
  pull: string('Pull the image first: "always", "missing", "never"', { initial: 'missing' }),
  quiet: bool('Do not show the progress of pulling', { short: 'q' }),
  'read-only': bool('Make the root file system read-only'),
  restart: string('What to do when the container ends: no, on-failure[:retries], always, unless-stopped', {
    initial: 'no',
  }),
  rm: bool('Remove the container with its anonymous volumes when it ends'),
  runtime: string('Runtime of the container'),
  'security-opt': list('Security option: no-new-privileges, seccomp=FILE|unconfined, systempaths=unconfined'),
  'shm-size': bytes('Size of /dev/shm'),
  'stop-signal': string('Signal that stops the container'),
  'stop-timeout': int('Seconds between the stop signal and KILL'),
  'storage-opt': list('Option of the storage driver'),
  sysctl: map('Kernel parameter of the namespaces'),
  tmpfs: list('Mount a tmpfs: path[:options]'),
  tty: bool('Give it a terminal', { short: 't' }),
  ulimit: listOf('ulimit', 'Resource limit: name=soft[:hard]', parseUlimit, { shownDefault: '[]' }),
  'use-api-socket': bool('Mount the API socket (refused)'),
  user: string('User or UID: name|uid[:group|gid]', { short: 'u' }),
  userns: string('User namespace: host'),
  uts: string('UTS namespace: host'),
  volume: list('Mount a volume or a folder of the host: [source:]target[:options]', { short: 'v' }),
  'volume-driver': string('Driver of new volumes'),
  'volumes-from': list("Mount another container's volumes"),
  workdir: string('Working directory in the container', { short: 'w' }),
}

export type CreateOptions = Values<typeof CREATE_FLAGS>

/** What `skiff build` can be told. */

import { bytes, swapBytes } from '../create/flags.ts'
import { parseUlimit } from '../create/ulimit.ts'
import { bool, int, list, listOf, string, strings, type Values } from '../parse/flag.ts'

/** name:address or name=address; the API takes the first. */
function extraHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text)
  if (!match) throw new Error(`bad format for add-host: ${JSON.stringify(text)}`)
  return `${match[1]}:${match[2]?.replace(/^\[(.*)\]$/, '$1')}`
}

export const BUILD_FLAGS = {
  'add-host': listOf('list', 'Add a line to /etc/hosts of each RUN: name:address', extraHost),
  'build-arg': list('Set a variable that the Dockerfile declares with ARG; without a value, take it from here'),
  'build-context': list('Further context: name=folder, name=docker-image://image'),
  'cache-from': strings('Images whose steps may be reused'),
  'cgroup-parent': string('Parent cgroup of each RUN'),
  compress: bool('Compress the files that are sent'),
  'cpu-period': int('Period of the CPU quota in microseconds'),
  'cpu-quota': int('CPU time in microseconds that may be used in a period'),
  'cpu-shares': int('CPU shares relative to others', { short: 'c' }),
  'cpuset-cpus': string('CPUs that may be used: 0-3, 0,1'),
  'cpuset-mems': string('Memory nodes that may be used: 0-3, 0,1'),
  'disable-content-trust': bool('Skip verification of signatures', { initial: true }),
  file: string('Path of the Dockerfile (default "PATH/Dockerfile"); - for stdin', { short: 'f' }),
  // No step leaves a container here.
  'force-rm': bool('Remove the containers of all steps: always so here'),
  iidfile: string("Write the image's ID to this file"),
  isolation: string('Kind of isolation: default'),
  label: list('Set a label on the image'),
  memory: bytes('Memory limit of each RUN', { short: 'm' }),
  'memory-swap': swapBytes("Limit of memory and swap together; '-1' for unlimited swap"),
  network: string('Network of each RUN: default, none, host, or a network'),
  'no-cache': bool('Run every step, whatever is kept from earlier builds'),
  output: list('Where the files go instead of an image: type=local|tar,dest=PATH', { short: 'o' }),
  platform: string("Platform of the image: this machine's alone"),
  progress: string('How progress is shown: auto, plain, tty, quiet', { initial: 'auto' }),
  pull: bool('Ask the registry for newer base images'),
  quiet: bool("Show nothing but the image's ID", { short: 'q' }),
  secret: list('A file that RUN --mount=type=secret sees: id=NAME[,src=PATH|,env=VARIABLE]'),
  rm: bool('Remove the containers of steps that succeed: always so here', { initial: true }),
  'security-opt': strings('Security option of each RUN'),
  'shm-size': bytes('Size of /dev/shm of each RUN'),
  squash: bool('Make one layer of all new ones (refused)'),
  ssh: list('An ssh agent that RUN --mount=type=ssh sees: default or ID[=SOCKET]'),
  tag: list('Name of the image: repository[:tag]', { short: 't' }),
  target: string('Build this stage'),
  ulimit: listOf('ulimit', 'Resource limit of each RUN: name=soft[:hard]', parseUlimit, { shownDefault: '[]' }),
}

export type BuildOptions = Values<typeof BUILD_FLAGS>

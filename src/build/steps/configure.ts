/**
 * Instructions that change an image's configuration alone. Dockerfile reference, one chapter for each; `createdBy` is what Docker's
 * classic builder writes to the history.
 */

import { posix } from 'node:path'
import { signalNumber } from '../../containers/signals.ts'
import { durationNs } from '../../images/instructions.ts'
import type { Healthcheck, ImageConfig } from '../../images/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { CommandLine, HealthSpec, Instruction } from '../dockerfile/types.ts'

export interface Configured {
  config: ImageConfig
  author?: string
  createdBy: string
}

/** How words become what they mean now. */
export interface Expansion {
  word(text: string): string
  words(text: string): string[]
}

export const DEFAULT_SHELL = ['/bin/sh', '-c']

/** Before what is no command in Docker's history. */
export const nop = ({ shell }: ImageConfig): string => `${(shell ?? DEFAULT_SHELL).join(' ')} #(nop) `

type ConfigKind = Exclude<Instruction['kind'], 'from' | 'run' | 'copy' | 'add' | 'arg'>
type ConfigInstruction = Extract<Instruction, { kind: ConfigKind }>

export const isConfig = (instruction: Instruction): instruction is ConfigInstruction =>
  !['from', 'run', 'copy', 'add', 'arg'].includes(instruction.kind)

/** @throws InvalidParameter */
export function configure(
  config: ImageConfig,
  instruction: ConfigInstruction,
  expand: Expansion,
  cmdSet: boolean,
): Configured {
  switch (instruction.kind) {
    case 'env':
      return env(config, expandPairs(instruction.pairs, expand))
    case 'label':
      return label(config, expandPairs(instruction.pairs, expand))
    case 'cmd':
      return command(config, 'cmd', instruction.command)
    case 'entrypoint':
      return entrypoint(config, instruction.command, cmdSet)
    case 'shell':
      return shell(config, instruction.argv)
    case 'maintainer':
      return { config, author: instruction.text, createdBy: `${nop(config)} MAINTAINER ${instruction.text}` }
    case 'user':
      return user(config, expand.word(instruction.text))
    case 'workdir':
      return workdir(config, expand.word(instruction.text))
    case 'stopsignal':
      return stopSignal(config, expand.word(instruction.text))
    case 'expose':
      return expose(
        config,
        instruction.words.flatMap(word => expand.words(word)),
      )
    case 'volume':
      return volume(config, instruction.words.map(expand.word))
    case 'healthcheck':
      return healthcheck(config, instruction.health)
    case 'onbuild':
      return onbuild(config, instruction.text)
  }
}

const expandPairs = (pairs: readonly [string, string][], expand: Expansion): [string, string][] =>
  pairs.map(([name, value]) => [expand.word(name), expand.word(value)])

function env(config: ImageConfig, pairs: [string, string][]): Configured {
  const list = [...config.env]
  for (const [name, value] of pairs) {
    if (name === '') throw new InvalidParameter('ENV names can not be blank')
    const index = list.findIndex(entry => entry.startsWith(`${name}=`))
    if (index < 0) list.push(`${name}=${value}`)
    else list[index] = `${name}=${value}`
  }
  const shown = pairs.map(([name, value]) => `${name}=${value}`).join(' ')
  return { config: { ...config, env: list }, createdBy: `${nop(config)} ENV ${shown}` }
}

function label(config: ImageConfig, pairs: [string, string][]): Configured {
  if (pairs.some(([name]) => name === '')) throw new InvalidParameter('LABEL names can not be blank')
  const labels = { ...config.labels, ...Object.fromEntries(pairs) }
  return {
    config: { ...config, labels },
    createdBy: `${nop(config)} LABEL ${pairs.map(pair => pair.join('=')).join(' ')}`,
  }
}

export const argvOf = (config: ImageConfig, command: CommandLine): string[] =>
  command.form === 'exec' ? command.argv : command.line === '' ? [] : [...(config.shell ?? DEFAULT_SHELL), command.line]

const quoted = (argv: readonly string[]): string => `[${argv.map(word => JSON.stringify(word)).join(' ')}]`

function command(config: ImageConfig, kind: 'cmd', line: CommandLine): Configured {
  const argv = argvOf(config, line)
  return { config: { ...config, [kind]: argv }, createdBy: `${nop(config)} CMD ${quoted(argv)}` }
}

/** An inherited command was meant for the inherited entrypoint: it goes, unless this Dockerfile has set it. */
function entrypoint(config: ImageConfig, line: CommandLine, cmdSet: boolean): Configured {
  const argv = argvOf(config, line)
  const { cmd, ...rest } = config
  return {
    config: { ...rest, cmd: cmdSet ? cmd : undefined, entrypoint: argv },
    createdBy: `${nop(config)} ENTRYPOINT ${quoted(argv)}`,
  }
}

/** It shows itself already. */
function shell(config: ImageConfig, argv: string[]): Configured {
  const changed = { ...config, shell: argv }
  return { config: changed, createdBy: `${nop(changed)} SHELL [${argv.join(' ')}]` }
}

function user(config: ImageConfig, name: string): Configured {
  return { config: { ...config, user: name }, createdBy: `${nop(config)} USER ${name}` }
}

function workdir(config: ImageConfig, path: string): Configured {
  if (path === '') throw new InvalidParameter('WORKDIR requires exactly one argument')
  const workingDir = posix.resolve(config.workingDir || '/', path)
  return { config: { ...config, workingDir }, createdBy: `${nop(config)}WORKDIR ${workingDir}` }
}

function stopSignal(config: ImageConfig, signal: string): Configured {
  signalNumber(signal)
  return { config: { ...config, stopSignal: signal }, createdBy: `${nop(config)} STOPSIGNAL ${signal}` }
}

const PORT = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i

function expose(config: ImageConfig, words: string[]): Configured {
  const ports = words.flatMap(word => {
    const [, low = '', high = low, protocol = 'tcp'] = PORT.exec(word.replace(/^.*:(?=[^:]*$)/, '')) ?? []
    const [first, last] = [Number(low), Number(high)]
    if (low === '' || last < first || last > 65_535) throw new InvalidParameter(`Invalid containerPort: ${word}`)
    return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol.toLowerCase()}`)
  })
  const exposedPorts = [...new Set([...config.exposedPorts, ...ports])]
  return { config: { ...config, exposedPorts }, createdBy: `${nop(config)} EXPOSE ${words.join(' ')}` }
}

function volume(config: ImageConfig, words: string[]): Configured {
  if (words.length === 0 || words.some(word => word.trim() === '')) {
    throw new InvalidParameter('VOLUME specified can not be an empty string')
  }
  const volumes = [...new Set([...config.volumes, ...words])]
  return { config: { ...config, volumes }, createdBy: `${nop(config)} VOLUME [${words.join(' ')}]` }
}

function healthcheck(config: ImageConfig, health: HealthSpec): Configured {
  const check: Healthcheck = {
    test: health.test,
    intervalNs: duration('interval', health.interval),
    timeoutNs: duration('timeout', health.timeout),
    startPeriodNs: duration('start-period', health.startPeriod),
    startIntervalNs: duration('start-interval', health.startInterval),
    retries: retries(health.retries),
  }
  const { test, intervalNs, timeoutNs, startPeriodNs } = check
  const times = [intervalNs, timeoutNs, startPeriodNs].map(ns => JSON.stringify(goDuration(ns))).join(' ')
  const count = `'\\x${check.retries.toString(16).padStart(2, '0')}'`
  return {
    config: { ...config, healthcheck: check },
    createdBy: `${nop(config)} HEALTHCHECK &{${quoted(test)} ${times} ${count}}`,
  }
}

function duration(name: string, text: string): number {
  if (text === '') return 0
  const ns = durationNs(text)
  if (ns !== 0 && ns < 1e6) throw new InvalidParameter(`Interval "${name}" cannot be less than 1ms`)
  return ns
}

function retries(text: string): number {
  if (text === '') return 0
  if (!/^-?\d+$/.test(text))
    throw new InvalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  if (Number(text) < 0) throw new InvalidParameter(`--retries cannot be negative (${text})`)
  return Number(text)
}

/** As Go's time.Duration prints itself: 1m30s. */
function goDuration(ns: number): string {
  if (ns === 0) return '0s'
  if (ns < 1e9) return ns % 1e6 === 0 ? `${ns / 1e6}ms` : `${ns / 1e3}µs`
  const [hours, minutes, seconds] = [Math.floor(ns / 3600e9), Math.floor((ns % 3600e9) / 60e9), (ns % 60e9) / 1e9]
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`
}

const onbuild = (config: ImageConfig, text: string): Configured => ({
  config: { ...config, onBuild: [...config.onBuild, text] },
  createdBy: `${nop(config)} ONBUILD ${text}`,
})

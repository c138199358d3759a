/**
 * Dockerfile instructions that change an image's configuration, for `import -c` and `commit -c`. Grammar: Dockerfile reference,
 * "Format", "Shell and exec form", and each instruction's own chapter.
 */

import { InvalidParameter } from '../kernel/errors.ts'
import type { Healthcheck, ImageConfig } from './types.ts'

const DEFAULT_SHELL = ['/bin/sh', '-c']
const NS_PER: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

type Apply = (config: ImageConfig, rest: string) => void

const INSTRUCTIONS: Record<string, Apply> = {
  CMD: (config, rest) => {
    config.cmd = commandOf(config, rest)
  },
  ENTRYPOINT: (config, rest) => {
    config.entrypoint = commandOf(config, rest)
  },
  ENV: (config, rest) => {
    for (const [key, value] of pairsOf('ENV', rest)) {
      config.env = [...config.env.filter(entry => !entry.startsWith(`${key}=`)), `${key}=${value}`]
    }
  },
  EXPOSE: (config, rest) => {
    for (const port of wordsOf(rest)) config.exposedPorts = union(config.exposedPorts, [exposedPort(port)])
  },
  LABEL: (config, rest) => {
    config.labels = { ...config.labels, ...Object.fromEntries(pairsOf('LABEL', rest)) }
  },
  ONBUILD: (config, rest) => {
    config.onBuild = [...config.onBuild, rest]
  },
  USER: (config, rest) => {
    config.user = single('USER', rest)
  },
  VOLUME: (config, rest) => {
    config.volumes = union(config.volumes, jsonArray(rest) ?? wordsOf(rest))
  },
  WORKDIR: (config, rest) => {
    const path = single('WORKDIR', rest)
    config.workingDir = path.startsWith('/') ? path : `${config.workingDir}/${path}`.replace(/\/+/g, '/')
  },
  STOPSIGNAL: (config, rest) => {
    config.stopSignal = single('STOPSIGNAL', rest)
  },
  SHELL: (config, rest) => {
    const shell = jsonArray(rest)
    if (shell === undefined) throw new InvalidParameter('SHELL requires the arguments to be in JSON form')
    config.shell = shell
  },
  HEALTHCHECK: (config, rest) => {
    config.healthcheck = healthcheckOf(rest)
  },
}

/** A configuration with the instructions applied, in order. @throws InvalidParameter */
export function applyInstructions(config: ImageConfig, instructions: readonly string[]): ImageConfig {
  const changed = structuredClone(config)
  for (const line of instructions.flatMap(text => text.split('\n'))) {
    const trimmed = line.trim()
    if (trimmed === '') continue
    const [, name, rest] = /^(\S+)\s*([\s\S]*)$/.exec(trimmed)!
    const apply = INSTRUCTIONS[name!.toUpperCase()]
    if (apply === undefined) throw new InvalidParameter(`${name!.toLowerCase()} is not a valid change command`)
    if (rest === '') throw new InvalidParameter(`${name!.toUpperCase()} requires at least one argument`)
    apply(changed, rest!)
  }
  return changed
}

/** Exec form as it is, shell form by way of the shell. */
const commandOf = (config: ImageConfig, rest: string): string[] =>
  jsonArray(rest) ?? [...(config.shell ?? DEFAULT_SHELL), rest]

/** Of the exec form; undefined: it is another one. */
export function jsonArray(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
  } catch {
    // Not JSON after all: then it is the shell form, as the reference says.
    return undefined
  }
}

/** Words, with quotes and backslashes taken away. */
function wordsOf(text: string): string[] {
  const words: string[] = []
  const pattern = /(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g
  for (const [word] of text.matchAll(pattern)) words.push(unquote(word))
  return words
}

const unquote = (word: string): string =>
  word.replace(/"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])/g, (_, double, single, escaped) => {
    if (double !== undefined) return double.replace(/\\(["\\$])/g, '$1')
    return single ?? escaped
  })

/** `a=b c="d e"`, or the old form `a b c`, where everything after the first word is the value. */
function pairsOf(instruction: string, rest: string): [string, string][] {
  const first = /^[^\s=]+/.exec(rest)?.[0] ?? ''
  if (rest[first.length] !== '=') {
    const value = rest.slice(first.length).trim()
    if (first === '' || value === '') throw new InvalidParameter(`${instruction} must have two arguments`)
    return [[first, unquote(value)]]
  }
  return wordsOf(rest).map(word => {
    const equals = word.indexOf('=')
    if (equals < 1) {
      throw new InvalidParameter(`Syntax error - can't find = in "${word}". Must be of the form: name=value`)
    }
    return [word.slice(0, equals), word.slice(equals + 1)]
  })
}

function single(instruction: string, rest: string): string {
  const words = wordsOf(rest)
  if (words.length !== 1) throw new InvalidParameter(`${instruction} requires exactly one argument`)
  return words[0]!
}

function exposedPort(port: string): string {
  const match = /^(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i.exec(port)
  if (!match) throw new InvalidParameter(`invalid containerPort: ${port}`)
  return `${match[1]}/${(match[2] ?? 'tcp').toLowerCase()}`
}

function healthcheckOf(rest: string): Healthcheck {
  const check: Healthcheck = {
    test: [],
    intervalNs: 0,
    timeoutNs: 0,
    startPeriodNs: 0,
    startIntervalNs: 0,
    retries: 0,
  }
  let text = rest
  for (let match = OPTION.exec(text); match; match = OPTION.exec(text)) {
    applyHealthOption(check, match[1]!, match[2]!)
    text = text.slice(match[0].length)
  }
  if (/^none\s*$/i.test(text)) return { ...check, test: ['NONE'] }
  const command = /^cmd\s+([\s\S]+)$/i.exec(text)?.[1]
  if (command === undefined) throw new InvalidParameter(`Unknown type ${JSON.stringify(text)} in HEALTHCHECK (try CMD)`)
  const exec = jsonArray(command)
  return { ...check, test: exec ? ['CMD', ...exec] : ['CMD-SHELL', command] }
}

const OPTION = /^--([a-z-]+)=(\S+)\s+/

function applyHealthOption(check: Healthcheck, name: string, value: string): void {
  if (name === 'interval') check.intervalNs = durationNs(value)
  else if (name === 'timeout') check.timeoutNs = durationNs(value)
  else if (name === 'start-period') check.startPeriodNs = durationNs(value)
  else if (name === 'start-interval') check.startIntervalNs = durationNs(value)
  else if (name === 'retries' && /^\d+$/.test(value)) check.retries = Number(value)
  else throw new InvalidParameter(`Unknown flag: ${name}`)
}

/** Go's notation: `1m30s`, `1.5h`, `300ms`. */
export function durationNs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new InvalidParameter(`time: invalid duration ${JSON.stringify(text)}`)
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * NS_PER[unit!]!, 0)
}

const union = (list: string[], more: string[]): string[] => [...new Set([...list, ...more])]

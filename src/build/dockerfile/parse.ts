/** A Dockerfile's text as instructions. Dockerfile reference; the words of errors are Docker's. */

import { jsonArray } from '../../images/instructions.ts'
import { parseError } from './error.ts'
import { type FlagKinds, type Flags, takeFlags } from './flags.ts'
import { type Heredoc, heredocsIn, rawWords, readStatements, type Statement } from './lines.ts'
import type { CommandLine, Dockerfile, HealthSpec, Instruction } from './types.ts'

interface Reading {
  statement: Statement
  /** In capitals. */
  name: string
  flags: Flags
  rest: string
  escapeChar: string
}

interface Grammar {
  flags?: FlagKinds
  read(reading: Reading): Instruction
}

/** @throws DockerfileError */
export function parseDockerfile(text: string): Dockerfile {
  const { directives, statements } = readStatements(text)
  return { ...directives, instructions: statements.map(statement => readInstruction(statement, directives.escapeChar)) }
}

/** A trigger of ONBUILD, which comes from an image: it is blamed on the FROM that brought it. @throws DockerfileError */
export function parseTrigger(text: string, location: Statement, escapeChar: string): Instruction {
  const { statements } = readStatements(text)
  const [statement, ...more] = statements
  if (statement === undefined || more.length > 0) throw parseError(`invalid trigger: ${text}`, location)
  return readInstruction({ ...statement, line: location.line, endLine: location.endLine }, escapeChar)
}

function readInstruction(statement: Statement, escapeChar: string): Instruction {
  const [, word = '', after = ''] = /^(\S+)\s*([\s\S]*)$/.exec(statement.text) ?? []
  const name = word.toUpperCase()
  const grammar = GRAMMAR[name]
  if (grammar === undefined) throw parseError(`unknown instruction: ${name}`, statement)
  const { flags, rest } = takeFlags(after, grammar.flags ?? {}, statement, escapeChar)
  // HEALTHCHECK and CMD say themselves what they miss.
  if (rest === '' && !['HEALTHCHECK', 'CMD', 'ENTRYPOINT'].includes(name)) throw tooFew({ name, statement })
  return grammar.read({ statement, name, flags, rest, escapeChar })
}

const TWO = 'at least two arguments, but only one was provided. Destination could not be determined'
const NEEDS: Record<string, string> = { ADD: TWO, COPY: TWO }
const EXACTLY_ONE = ['MAINTAINER', 'USER', 'WORKDIR', 'STOPSIGNAL']

const tooFew = ({ name, statement }: Pick<Reading, 'name' | 'statement'>) =>
  parseError(
    `${name} requires ${NEEDS[name] ?? (EXACTLY_ONE.includes(name) ? 'exactly one argument' : 'at least one argument')}`,
    statement,
  )

const locationOf = ({ line, endLine, text }: Statement) => ({ line, endLine, text })

const FILE_FLAGS: FlagKinds = { chown: 'text', chmod: 'text', link: 'bool', exclude: 'list' }

const GRAMMAR: Record<string, Grammar> = {
  FROM: { flags: { platform: 'text' }, read: readFrom },
  RUN: { flags: { mount: 'list', network: 'text', security: 'text' }, read: readRun },
  CMD: { read: reading => ({ kind: 'cmd', command: commandOf(reading), location: locationOf(reading.statement) }) },
  ENTRYPOINT: {
    read: reading => ({ kind: 'entrypoint', command: commandOf(reading), location: locationOf(reading.statement) }),
  },
  SHELL: { read: readShell },
  ENV: { read: reading => readPairs(reading, 'env') },
  LABEL: { read: reading => readPairs(reading, 'label') },
  ARG: { read: readArg },
  MAINTAINER: { read: reading => readText(reading, 'maintainer') },
  USER: { read: reading => readText(reading, 'user') },
  WORKDIR: { read: reading => readText(reading, 'workdir') },
  STOPSIGNAL: { read: reading => readText(reading, 'stopsignal') },
  EXPOSE: { read: reading => readWords(reading, 'expose') },
  VOLUME: { read: readVolume },
  COPY: { flags: { ...FILE_FLAGS, from: 'text', parents: 'bool' }, read: reading => readCopy(reading, 'copy') },
  ADD: {
    flags: { ...FILE_FLAGS, checksum: 'text', unpack: 'bool', 'keep-git-dir': 'bool' },
    read: reading => readCopy(reading, 'add'),
  },
  HEALTHCHECK: {
    flags: {
      interval: 'text',
      timeout: 'text',
      'start-period': 'text',
      'start-interval': 'text',
      retries: 'text',
    },
    read: readHealthcheck,
  },
  ONBUILD: { read: readOnbuild },
}

function readFrom({ statement, rest, flags }: Reading): Instruction {
  const words = rest.split(/\s+/)
  const [image = '', as, name = ''] = words
  if (words.length !== 1 && (words.length !== 3 || as?.toUpperCase() !== 'AS')) {
    throw parseError('FROM requires either one or three arguments', statement)
  }
  if (as !== undefined && !/^[a-z][a-z0-9\-_.]*$/i.test(name)) {
    throw parseError(
      `invalid name for build stage: "${name}", name can't start with a number or contain symbols`,
      statement,
    )
  }
  const platform = flags.text('platform')
  return { kind: 'from', image, name: name.toLowerCase(), platform, location: locationOf(statement) }
}

function readRun({ statement, rest, flags, escapeChar }: Reading): Instruction {
  const { heredocs } = statement
  const network = flags.text('network')
  if (!['', 'default', 'none', 'host'].includes(network)) {
    throw parseError(`unsupported network mode "${network}"`, statement)
  }
  const security = flags.text('security')
  if (!['', 'sandbox'].includes(security)) {
    throw parseError(
      `RUN --security=${security} is refused: a build's commands never run without their sandbox`,
      statement,
    )
  }
  const command = execForm(rest) ?? { form: 'shell' as const, line: shellLine(rest, heredocs, escapeChar) }
  return {
    kind: 'run',
    command,
    heredocs,
    mounts: flags.list('mount'),
    network,
    security,
    location: locationOf(statement),
  }
}

/** A here-document without a command is a script; one with a command goes to the shell as it stands, which reads it itself. */
function shellLine(rest: string, heredocs: readonly Heredoc[], escapeChar: string): string {
  const [first, ...others] = heredocs
  if (first === undefined) return rest
  const alone =
    others.length === 0 && rawWords(rest, escapeChar).length === 1 && heredocsIn(rest, escapeChar).length === 1
  if (alone) return first.content
  return `${rest}\n${heredocs.map(({ content, name }) => `${content}${name}\n`).join('')}`
}

/** A JSON array of strings is the exec form; anything else goes to the shell, as the reference says. */
function execForm(rest: string): CommandLine | null {
  const argv = jsonArray(rest)
  return argv === undefined ? null : { form: 'exec', argv }
}

const commandOf = ({ rest }: Reading): CommandLine => execForm(rest) ?? { form: 'shell', line: rest }

function readShell({ statement, rest }: Reading): Instruction {
  const argv = jsonArray(rest)
  if (argv === undefined) throw parseError('SHELL requires the arguments to be in JSON form', statement)
  if (argv.length === 0) throw parseError('SHELL requires at least one argument', statement)
  return { kind: 'shell', argv, location: locationOf(statement) }
}

/** `a=b c="d e"`, or the old form `a b c`, where all that follows the first word is the value. */
function readPairs({ statement, rest, name, escapeChar }: Reading, kind: 'env' | 'label'): Instruction {
  const location = locationOf(statement)
  const words = rawWords(rest, escapeChar)
  if (!words[0]!.includes('=')) {
    const [, key = '', value = ''] = /^(\S+)\s+([\s\S]*)$/.exec(rest) ?? []
    if (key === '') throw parseError(`${name} must have two arguments`, statement)
    return { kind, pairs: [[key, value]], location }
  }
  const pairs = words.map((word): [string, string] => {
    const equals = word.indexOf('=')
    if (equals < 0) {
      throw parseError(`Syntax error - can't find = in "${word}". Must be of the form: name=value`, statement)
    }
    if (equals === 0) throw parseError(`${name} names can not be blank`, statement)
    return [word.slice(0, equals), word.slice(equals + 1)]
  })
  return { kind, pairs, location }
}

function readArg({ statement, rest, escapeChar }: Reading): Instruction {
  const args = rawWords(rest, escapeChar).map(word => {
    const equals = word.indexOf('=')
    if (equals === 0) throw parseError('ARG names can not be blank', statement)
    return equals < 0
      ? { name: word, value: undefined }
      : { name: word.slice(0, equals), value: word.slice(equals + 1) }
  })
  return { kind: 'arg', args, location: locationOf(statement) }
}

type TextKind = 'maintainer' | 'user' | 'workdir' | 'stopsignal'

const readText = ({ statement, rest }: Reading, kind: TextKind): Instruction => ({
  kind,
  text: rest,
  location: locationOf(statement),
})

const readWords = ({ statement, rest }: Reading, kind: 'expose' | 'volume'): Instruction => ({
  kind,
  words: rest.split(/\s+/),
  location: locationOf(statement),
})

function readVolume(reading: Reading): Instruction {
  const words = jsonArray(reading.rest)
  if (words === undefined) return readWords(reading, 'volume')
  if (words.length === 0) throw parseError('VOLUME requires at least one argument', reading.statement)
  if (words.includes('')) throw parseError('VOLUME specified can not be an empty string', reading.statement)
  return { kind: 'volume', words, location: locationOf(reading.statement) }
}

function readCopy(reading: Reading, kind: 'copy' | 'add'): Instruction {
  const { statement, rest, flags, escapeChar } = reading
  const words = jsonArray(rest) ?? rawWords(rest, escapeChar)
  if (words.length < 2) throw tooFew(reading)
  const target = words.at(-1)!
  const isHeredoc = (word: string): boolean => heredocsIn(word, escapeChar).length > 0
  return {
    kind,
    paths: statement.heredocs.length > 0 ? words.slice(0, -1).filter(word => !isHeredoc(word)) : words.slice(0, -1),
    heredocs: statement.heredocs,
    target,
    from: flags.text('from'),
    chown: flags.text('chown'),
    chmod: flags.text('chmod'),
    link: flags.bool('link'),
    parents: flags.bool('parents'),
    exclude: flags.list('exclude'),
    checksum: flags.text('checksum'),
    unpack: flags.choice('unpack'),
    location: locationOf(statement),
  }
}

function readHealthcheck({ statement, rest, flags }: Reading): Instruction {
  const [, word = '', after = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? []
  const type = word.toUpperCase()
  if (type === '') throw parseError('HEALTHCHECK requires at least one argument', statement)
  const health: HealthSpec = {
    test: [],
    interval: flags.text('interval'),
    timeout: flags.text('timeout'),
    startPeriod: flags.text('start-period'),
    startInterval: flags.text('start-interval'),
    retries: flags.text('retries'),
  }
  if (type === 'NONE') {
    if (after !== '') throw parseError('HEALTHCHECK NONE takes no arguments', statement)
    return { kind: 'healthcheck', health: { ...health, test: ['NONE'] }, location: locationOf(statement) }
  }
  if (type !== 'CMD') throw parseError(`Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`, statement)
  if (after === '') throw parseError('Missing command after HEALTHCHECK CMD', statement)
  const argv = jsonArray(after)
  const test = argv === undefined ? ['CMD-SHELL', after] : ['CMD', ...argv]
  return { kind: 'healthcheck', health: { ...health, test }, location: locationOf(statement) }
}

function readOnbuild({ statement, rest, escapeChar }: Reading): Instruction {
  const trigger = /^\S+/.exec(rest)![0].toUpperCase()
  if (trigger === 'ONBUILD') throw parseError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", statement)
  if (trigger === 'FROM' || trigger === 'MAINTAINER') {
    throw parseError(`${trigger} isn't allowed as an ONBUILD trigger`, statement)
  }
  // Its mistakes are found now, not when somebody builds on the image.
  readInstruction({ ...statement, text: rest }, escapeChar)
  const heredocs = statement.heredocs.map(({ content, name }) => `\n${content}${name}`).join('')
  return { kind: 'onbuild', text: `${rest}${heredocs}`, location: locationOf(statement) }
}

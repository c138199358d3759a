/** skiff inspect, and inspect of one kind: everything the daemon knows of objects. */

import type { Engine } from '../../client/engine.ts'
import { ApiError, isNotFound } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, type Command, command } from '../command.ts'
import { CommandError, exitWith } from '../errors.ts'
import { objectFormatFlag } from '../output/format.ts'
import { indentJson } from '../output/json.ts'
import { objectFormatter } from '../output/object.ts'
import { bool, type Flags, string } from '../parse/flag.ts'
import type { Session } from '../session.ts'

/** The kinds, in the order in which a name is looked for. */
const PATHS = {
  container: (name: string) => `/containers/${name}/json`,
  image: (name: string) => `/images/${name}/json`,
  network: (name: string) => `/networks/${name}`,
  volume: (name: string) => `/volumes/${name}`,
  plugin: (name: string) => `/plugins/${name}/json`,
  snapshot: (name: string) => `/snapshots/${name}`,
} as const
type Kind = keyof typeof PATHS

/** `inspect` looks for those that Docker has; snapshots have their own. */
const DOCKERS = (Object.keys(PATHS) as Kind[]).filter(kind => kind !== 'snapshot')

/** Kinds that Docker knows and that cannot exist here. */
const SWARM = ['config', 'node', 'secret', 'service', 'task']

interface Question {
  readonly kinds: readonly Kind[]
  readonly names: readonly string[]
  readonly format: string
  readonly size: boolean
  readonly verbose?: boolean
}

/** Prints what is found, then says what is not. @throws CommandError when anything was not found */
async function inspectAll(
  session: Session,
  engine: Engine,
  { kinds, names, format, ...query }: Question,
): Promise<void> {
  const print = format && format !== 'json' ? await objectFormatter(format, { exitCode: 64 }) : undefined
  const found: string[] = []
  const failures: string[] = []
  for (const name of names) {
    try {
      found.push(await fetchFirst(engine, kinds, name, query))
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof CommandError)) throw error
      failures.push(error.message)
    }
  }
  const array = `[${found.map(text => text.trim()).join(',')}]`
  if (!print) await write(session.stdout, `${format === 'json' ? array : indentJson(array)}\n`)
  else await printEach(session, found, print)
  for (const failure of failures) await write(session.stderr, `${failure}\n`)
  if (failures.length > 0) throw exitWith(1, failures)
}

async function printEach(
  session: Session,
  found: readonly string[],
  print: (object: unknown) => string,
): Promise<void> {
  for (const text of found) {
    try {
      await write(session.stdout, `${print(JSON.parse(text))}\n`)
    } catch (error) {
      // Docker ends the line that it had begun.
      await write(session.stdout, '\n')
      throw error
    }
  }
}

async function fetchFirst(
  engine: Engine,
  kinds: readonly Kind[],
  name: string,
  query: { size: boolean; verbose?: boolean },
): Promise<string> {
  for (const kind of kinds) {
    try {
      return await engine.text('GET', PATHS[kind](segment(name)), {
        query:
          kind === 'container'
            ? { size: query.size }
            : kind === 'network'
              ? { verbose: query.verbose ? 'true' : undefined }
              : {},
      })
    } catch (error) {
      // A name that is none for this kind may be one for the next.
      const elsewhere =
        isNotFound(error) || (error instanceof ApiError && /invalid reference format/.test(error.reason))
      if (kinds.length === 1 || !elsewhere) throw error
    }
  }
  throw new CommandError(`Error: No such object: ${name}`)
}

const format = objectFormatFlag({ short: 'f' })
const sizeFlag = bool('Tell the sizes of file systems too', { short: 's' })

export const inspect = command({
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  arity: [1, ANY],
  flags: {
    format,
    size: sizeFlag,
    type: string('Only objects of this kind: container, image, network, volume, plugin'),
  },
  run: ({ session, engine, options, args }) =>
    inspectAll(session, engine, {
      kinds: kindsOf(options.type),
      names: args,
      format: options.format,
      size: options.size,
    }),
})

function kindsOf(type: string): readonly Kind[] {
  const all = DOCKERS
  if (type === '') return all
  const kind = all.find(name => name === type)
  if (kind) return [kind]
  if (SWARM.includes(type)) throw new CommandError(`Error response from daemon: This node is not a swarm manager.`)
  const known = [...all, ...SWARM]
    .sort()
    .map(name => `"${name}"`)
    .join(', ')
  throw new CommandError(`unknown type: "${type}": must be one of ${known}`)
}

/** `skiff KIND inspect`. */
function ofKind<F extends Flags>(kind: Kind, usage: string, flags: F): Command<F & { format: typeof format }> {
  return command({
    usage: `[OPTIONS] ${usage}`,
    arity: [1, ANY],
    flags: { ...flags, format },
    run: ({ session, engine, options, args }) => {
      const { format, size, verbose } = options as { format: string; size?: boolean; verbose?: boolean }
      return inspectAll(session, engine, {
        kinds: [kind],
        names: args,
        format,
        size: size ?? false,
        verbose: verbose ?? false,
      })
    },
  })
}

export const inspectContainer = ofKind('container', 'CONTAINER [CONTAINER...]', { size: sizeFlag })
export const inspectImage = ofKind('image', 'IMAGE [IMAGE...]', {})
export const inspectNetwork = ofKind('network', 'NETWORK [NETWORK...]', {
  verbose: bool('Tell more, for diagnosis', { short: 'v' }),
})
export const inspectSnapshot = ofKind('snapshot', 'SNAPSHOT [SNAPSHOT...]', {})
export const inspectVolume = ofKind('volume', 'VOLUME [VOLUME...]', {})

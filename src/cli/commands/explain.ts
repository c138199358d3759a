/** skiff explain: the system calls that made a container, or that would make the one `run` describes. */

import type { Engine } from '../../client/engine.ts'
import { ApiError, isNotFound } from '../../client/errors.ts'
import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, type Context, command } from '../command.ts'
import { createBody, imageAndCommand } from '../create/body.ts'
import { CommandError } from '../errors.ts'
import { type TimedStep, timingOf, timingReport } from '../explain/timing.ts'
import { drawTree, type ImageTree } from '../images/tree.ts'
import { indentJson } from '../output/json.ts'
import { wantsJson } from '../output/json-lines.ts'
import { bool, string } from '../parse/flag.ts'
import { parse } from '../parse/parse.ts'
import { RUN_FLAGS } from './run.ts'

const FLAGS = {
  format: string("Format of the output: 'json'"),
  json: bool('As JSON, for tools'),
  sh: bool('As a shell script that makes an equal container with util-linux alone'),
  timing: bool('Show where the time of the start went'),
}

export const explain = command({
  usage: '[OPTIONS] CONTAINER|IMAGE\n[OPTIONS] run [RUN OPTIONS] IMAGE [COMMAND] [ARG...]',
  description: `Show the system calls that make a container: each step, why it is there, and its man page.
Of a container that ran also what each step answered and how long it took; then its
namespaces, network, cgroup and layers. With run, nothing is started. Of an image: its layers, as image tree.`,
  arity: [1, ANY],
  interspersed: false,
  flags: FLAGS,
  async run(context) {
    const { session, args } = context
    const options = { ...context.options, json: context.options.json || wantsJson(context.options.format) }
    if (options.sh && (options.json || options.timing))
      throw new CommandError('conflicting options: --sh goes with neither --json nor --timing')
    const [first = '', ...rest] = args
    const asked = { ...context, options }
    const text = first === 'run' ? await ofRun(asked, rest) : await ofContainer(asked, first, rest)
    await write(session.stdout, text.endsWith('\n') ? text : `${text}\n`)
  },
})

type Options = Context<typeof FLAGS>['options']

const formOf = ({ json, sh }: { json: boolean; sh: boolean }): string => (json ? 'json' : sh ? 'sh' : 'text')

async function ofContainer(
  { engine, options }: Context<typeof FLAGS>,
  name: string,
  rest: readonly string[],
): Promise<string> {
  if (rest.length > 0) throw new CommandError("'skiff explain' takes one container, or run and what follows it")
  try {
    return await ofStarted(engine, options, name)
  } catch (error) {
    if (!isNotFound(error)) throw error
    const layers = await ofImage(engine, options, name)
    if (layers === undefined) throw error
    return layers
  }
}

async function ofStarted(engine: Engine, options: Options, name: string): Promise<string> {
  const path = `/containers/${segment(name)}/explain`
  if (!options.timing) return await engine.text('GET', path, { query: { format: formOf(options) } })
  const { program } = await engine.get<{ program: TimedStep[] }>(path, { format: 'json' })
  const timing = timingOf(program)
  if (timing === undefined) throw new CommandError(`${name} has not been started: nothing was timed`)
  return options.json ? JSON.stringify(timing, null, 2) : timingReport(timing)
}

/** undefined: there is no such image either. */
async function ofImage(engine: Engine, options: Options, name: string): Promise<string | undefined> {
  let text: string
  try {
    text = await engine.text('GET', `/images/${segment(name)}/tree`)
  } catch (error) {
    // What cannot be an image's name is none either.
    if (error instanceof ApiError && [400, 404].includes(error.status)) return undefined
    throw error
  }
  if (options.sh || options.timing)
    throw new CommandError(`${name} is an image: --sh and --timing are for containers, and for run`)
  return options.json ? indentJson(text) : drawTree(JSON.parse(text) as ImageTree, true)
}

async function ofRun({ session, engine, options }: Context<typeof FLAGS>, words: readonly string[]): Promise<string> {
  if (options.timing) throw new CommandError('--timing is for a container that was started')
  const { options: runOptions, given, args } = parse(words, RUN_FLAGS, false)
  if (args.length === 0 && !runOptions['from-snapshot'])
    throw new CommandError("'skiff explain run' requires at least 1 argument")
  const { image, command } = imageAndCommand(runOptions, args)
  const body = await createBody({ session, options: runOptions, given, image, command })
  const query = { format: formOf(options), name: runOptions.name || undefined }
  return await engine.text('POST', '/containers/explain', { query, body })
}

/** skiff build: an image from a Dockerfile. docs/build.md says what is sent and what comes back. */

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createGzip } from 'node:zlib'
import { jsonLines } from '../../client/json-lines.ts'
import { write } from '../../client/write.ts'
import { openContext } from '../build/context.ts'
import type { BuildMessage, Progress } from '../build/events.ts'
import { explainFailure } from '../build/failure.ts'
import { BUILD_FLAGS, type BuildOptions } from '../build/flags.ts'
import { type Output, parseOutputs, writeOutput } from '../build/output.ts'
import { PlainProgress } from '../build/plain.ts'
import { buildHeader, buildQuery } from '../build/request.ts'
import { ScreenProgress } from '../build/screen.ts'
import { command } from '../command.ts'
import { CommandError } from '../errors.ts'
import { allCredentials } from '../registry/credentials.ts'
import type { Session } from '../session.ts'

export const build = command({
  usage: '[OPTIONS] PATH|URL|-',
  arity: [1, 1],
  flags: BUILD_FLAGS,
  async run({ session, engine, options, args, configFolder }) {
    const outputs = parseOutputs(options.output)
    const [context, credentials] = await Promise.all([
      openContext(session, args[0] ?? '', options.file, namedContexts(options)),
      allCredentials(configFolder, session.env),
    ])
    const response = await engine.request('POST', '/build', {
      query: buildQuery(session, options, context),
      headers: {
        'Content-Type': 'application/x-tar',
        'X-Skiff-Build': await buildHeader(session, options, context),
        'X-Registry-Config': credentials,
      },
      body: options.compress ? context.body.pipe(createGzip()) : context.body,
    })
    const progress = progressFor(session, options)
    const image = await follow(response, progress, { session, inline: context.inline, file: context.shownFile })
    await report(session, options, image, outputs)
    for (const output of outputs) await writeOutput({ session, engine }, image, output, options.tag.length > 0)
  },
})

function namedContexts(options: BuildOptions): Map<string, string> {
  return new Map(
    options['build-context'].map((text): [string, string] => {
      const equals = text.indexOf('=')
      if (equals < 1) throw new CommandError(`invalid context value: ${text}, expected key=value`)
      return [text.slice(0, equals), text.slice(equals + 1)]
    }),
  )
}

function progressFor(session: Session, options: BuildOptions): Progress | null {
  const { progress } = options
  if (!['auto', 'plain', 'tty', 'quiet'].includes(progress)) {
    throw new CommandError(`invalid progress ${JSON.stringify(progress)}: auto, plain, tty or quiet`)
  }
  if (options.quiet || progress === 'quiet') return null
  if (progress === 'plain' || (progress === 'auto' && !session.isTerminal.stderr))
    return new PlainProgress(session.stderr)
  return new ScreenProgress({ sink: session.stderr, columns: () => session.windowSize()?.columns || 80 })
}

interface Followed {
  session: Session
  inline: string | null
  file: string
}

/** Resolves to the image's ID. @throws CommandError */
async function follow(
  response: Parameters<typeof jsonLines>[0],
  progress: Progress | null,
  { session, inline, file }: Followed,
): Promise<string> {
  let image = ''
  const kept: string[] = []
  let failed: Extract<NonNullable<BuildMessage['build']>, { kind: 'failed' }> | null = null
  try {
    for await (const message of jsonLines<BuildMessage>(response)) {
      if (message.errorDetail || message.error) {
        progress?.close()
        if (progress === null) await write(session.stderr, kept.join(''))
        throw explainFailure(message.errorDetail?.message ?? message.error ?? '', failed, { inline, file })
      }
      const event = message.build
      if (event === undefined) continue
      if (event.kind === 'done') image = event.image
      else if (event.kind === 'failed') failed = event
      else if (event.kind === 'output' && progress === null) kept.push(event.text)
      progress?.event(event)
    }
  } finally {
    progress?.close()
  }
  if (image === '') throw new CommandError('the daemon ended the build without a result')
  return image
}

async function report(
  session: Session,
  options: BuildOptions,
  image: string,
  outputs: readonly Output[],
): Promise<void> {
  if (options.iidfile) await writeFile(resolve(session.cwd, options.iidfile), image)
  if (options.quiet) await write(session.stdout, `${image}\n`)
  else if (options.progress !== 'quiet' && outputs.length === 0) {
    const names = options.tag.map(tag => `named ${/:[^/]+$/.test(tag) ? tag : `${tag}:latest`}\n`).join('')
    await write(session.stderr, `built ${image}\n${names}`)
  }
}

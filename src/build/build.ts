/** One build: the context received, the Dockerfile read, its stages built side by side, the image named. */

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { parseReference } from '../images/references.ts'
import type { Image, ImageId } from '../images/types.ts'
import { InvalidParameter, NotFound } from '../kernel/errors.ts'
import { applyIgnore, makeBuildFolder, readDockerfile, receiveContext, removeFolder } from './context.ts'
import { parseDockerfile } from './dockerfile/parse.ts'
import { BuildCancelled } from './failure.ts'
import { Keeper } from './keep.ts'
import { Later } from './later.ts'
import { type Plan, planBuild, type Stage, sourceStage } from './plan.ts'
import { UNDECLARED_ARGS } from './platform.ts'
import { StageBuilder, type StageResult } from './stage.ts'
import { Turns } from './turns.ts'
import type { BuildEvent, BuildRequest, BuildResult } from './types.ts'
import { type Rooms, treeOf, type Workshop } from './workshop.ts'

/**
 * `behind` gets what goes on when the answer is there already: nobody needs to wait for files that are deleted.
 * @throws DockerfileError, BuildFailed, BuildCancelled, InvalidParameter
 */
export async function build(
  rooms: Rooms,
  request: BuildRequest,
  archive: Readable,
  tell: (event: BuildEvent) => void,
  signal: AbortSignal,
  behind: (work: Promise<unknown>) => void,
): Promise<BuildResult> {
  for (const tag of request.tags) checkTag(tag)
  const folder = makeBuildFolder(rooms.context.roots.dataRoot)
  const later = new Later()
  let removed: Promise<void> | undefined
  const remove = (): Promise<void> => (removed ??= removeFolder(folder))
  let isDone = false
  try {
    await receiveContext(rooms.snapshots, join(folder, 'context'), archive)
    // No layer goes away before the image stands on it.
    const work = () => new Build(rooms, request, folder, tell, signal, later).run(remove)
    const result = await rooms.snapshots.layers.keeping(work)
    isDone = true
    return result
  } finally {
    await later.done()
    if (isDone) behind(remove())
    else await remove()
    void keepCache(rooms)
  }
}

/** A name that cannot be given in the end is no reason to build first. @throws InvalidParameter */
function checkTag(tag: string): void {
  if (parseReference(tag).digest !== undefined) throw new InvalidParameter('build tag cannot contain a digest')
}

/** The steps of a build that failed are worth keeping, too; nobody waits for that. */
async function keepCache({ cache, snapshots, context }: Rooms): Promise<void> {
  try {
    await snapshots.layers.settle()
    await cache.flush()
  } catch (error) {
    context.rooms.log.error({ err: error }, 'what a build has made is not kept for the next one')
  }
}

class Build {
  readonly #rooms: Rooms
  readonly #request: BuildRequest
  readonly #folder: string
  readonly #contextFolder: string
  readonly #tell: (event: BuildEvent) => void
  /** Ends the other stages when one fails. */
  readonly #stop = new AbortController()
  readonly #later: Later
  readonly #results = new Map<number, Promise<StageResult>>()
  readonly #images = new Map<string, Promise<Image>>()

  constructor(
    rooms: Rooms,
    request: BuildRequest,
    folder: string,
    tell: (event: BuildEvent) => void,
    signal: AbortSignal,
    later: Later,
  ) {
    this.#later = later
    this.#rooms = rooms
    this.#request = request
    this.#folder = folder
    this.#contextFolder = join(folder, 'context', request.contextFolder)
    this.#tell = tell
    if (signal.aborted) this.#stop.abort()
    signal.addEventListener('abort', () => this.#stop.abort(), { once: true, signal: this.#stop.signal })
  }

  async run(removeFiles: () => void): Promise<BuildResult> {
    const { dockerfile, inlineDockerfile, tags } = this.#request
    const text = inlineDockerfile ?? (await readDockerfile(this.#contextFolder, dockerfile))
    if (!this.#request.contextIsClean) await applyIgnore(this.#rooms.snapshots, this.#contextFolder, dockerfile)
    const file = parseDockerfile(text)
    const plan = planBuild(file, this.#request)
    this.#tell({ kind: 'plan', file: dockerfile || 'Dockerfile', total: plan.total })
    const workshop = await this.#workshop(plan, file.escapeChar)
    const results = plan.stages.map(stage => this.#result(workshop, plan, stage))
    const first = await firstFailure(results, () => this.#stop.abort())
    if (first !== null) throw first.error
    const { state } = await this.#result(workshop, plan, plan.target)
    this.#warn(plan, await Promise.all(results))
    if (this.#stop.signal.aborted) throw new BuildCancelled()
    if (state.history.length === 0) throw new InvalidParameter('No image was generated. Is your Dockerfile empty?')
    // Nobody needs the files any more: they go while the disk is waited for.
    removeFiles()
    const image = await workshop.keeper.keep(state, tags)
    await this.#name(image, tags)
    return { image, tags }
  }

  /** An argument that nobody declares is most likely a mistake. */
  #warn({ globals }: Plan, results: readonly StageResult[]): void {
    const isKnown = (name: string): boolean =>
      globals.has(name) || UNDECLARED_ARGS.has(name) || results.some(({ scope }) => scope.has(name))
    const unused = Object.keys(this.#request.buildArgs).filter(name => !isKnown(name))
    if (unused.length === 0) return
    this.#tell({ kind: 'warning', message: `One or more build-args [${unused.join(' ')}] were not consumed` })
  }

  /** What has its name already keeps it: nothing is written where nothing changes. */
  async #name(image: ImageId, tags: readonly string[]): Promise<void> {
    const { images } = this.#rooms.context.rooms
    for (const tag of tags) {
      const named = await images.resolve(tag).catch(error => {
        if (error instanceof NotFound) return null
        throw error
      })
      if (named?.id !== image || !named.repoTags.includes(tag.includes(':') ? tag : `${tag}:latest`))
        await images.tag(image, tag)
    }
  }

  async #workshop(plan: Plan, escapeChar: string): Promise<Workshop> {
    const { buildArgs } = this.#request
    const epoch = buildArgs.SOURCE_DATE_EPOCH
    if (epoch && !/^\d+$/.test(epoch)) throw new InvalidParameter(`invalid SOURCE_DATE_EPOCH: ${epoch}`)
    const workshop: Workshop = {
      ...this.#rooms,
      request: this.#request,
      escapeChar,
      contextFolder: this.#contextFolder,
      scratchFolder: join(this.#folder, 'scratch'),
      epoch: epoch ? Number(epoch) : null,
      cacheImages: await this.#cacheImages(),
      keeper: new Keeper(this.#rooms),
      views: new Map(),
      turns: new Turns(availableParallelism()),
      tell: this.#tell,
      signal: this.#stop.signal,
      later: this.#later,
      resumed: new Map(),
      source: async (name, step) => {
        const source = await this.#source(workshop, plan, name, step)
        workshop.resumed.set(step, performance.now())
        return source
      },
    }
    return workshop
  }

  /** --cache-from names what may be there; what is not is no error. */
  async #cacheImages(): Promise<Image[]> {
    const found: Image[] = []
    for (const name of this.#request.cacheFrom) {
      try {
        found.push(await this.#rooms.context.rooms.images.resolve(name))
      } catch (error) {
        if (!(error instanceof NotFound)) throw error
      }
    }
    return found
  }

  /** Each stage is built once, whoever asks for it first. */
  #result(workshop: Workshop, plan: Plan, stage: Stage): Promise<StageResult> {
    let result = this.#results.get(stage.index)
    if (result === undefined) {
      const baseOf = (stage: Stage) => this.#baseOf(workshop, plan, stage)
      result = new StageBuilder(workshop, plan, stage, baseOf).run()
      this.#results.set(stage.index, result)
    }
    return result
  }

  async #baseOf(
    workshop: Workshop,
    plan: Plan,
    { base, firstStep }: Stage,
  ): Promise<{ image: Image | null; base: StageResult | null }> {
    if (base.kind === 'scratch') return { image: null, base: null }
    if (base.kind === 'image') return { image: await this.#image(base.reference, firstStep), base: null }
    const other = plan.stages.find(({ index }) => index === base.index)!
    return { image: null, base: await this.#result(workshop, plan, other) }
  }

  async #source(workshop: Workshop, plan: Plan, name: string, step: number): ReturnType<Workshop['source']> {
    const context = this.#request.contexts[name]
    if (context !== undefined && 'folder' in context) {
      return { tree: { kind: 'folder', path: join(this.#folder, 'context', context.folder) }, key: '' }
    }
    const stage = sourceStage(plan, step, name)
    if (stage !== undefined) {
      const { state } = await this.#result(workshop, plan, stage)
      return { tree: treeOf(this.#rooms, state.chain), key: state.key }
    }
    const { chain, id } = await this.#image(context?.image ?? name, step)
    return { tree: treeOf(this.#rooms, chain), key: id }
  }

  /** From here, or where it is not or --pull asks for it, from its registry; once in a build. */
  #image(reference: string, step: number): Promise<Image> {
    let image = this.#images.get(reference)
    if (image === undefined) {
      image = this.#resolve(reference, step)
      this.#images.set(reference, image)
    }
    return image
  }

  async #resolve(given: string, step: number): Promise<Image> {
    const named = this.#request.contexts[given]
    const reference = named !== undefined && 'image' in named ? named.image : given
    const { images } = this.#rooms.context.rooms
    const { pullImage, pull } = this.#request
    if (!pull || pullImage === null) {
      try {
        return await images.resolve(reference)
      } catch (error) {
        if (!(error instanceof NotFound) || pullImage === null) throw error
      }
    }
    await pullImage(reference, progress => this.#tell({ kind: 'pull', step, progress }), this.#stop.signal)
    return images.resolve(reference)
  }
}

/** Waits for all, so that nothing goes on behind an answer; the first that fails ends the others and is what counts. */
async function firstFailure(
  results: readonly Promise<unknown>[],
  stop: () => void,
): Promise<{ error: unknown } | null> {
  let first: { error: unknown } | null = null
  await Promise.all(
    results.map(result =>
      result.catch(error => {
        first ??= { error }
        stop()
      }),
    ),
  )
  return first
}

/** A step that may write files: looked up in the cache, or done and kept there. */

import type { ContainerId } from '../../containers/types.ts'
import type { HistoryEntry, ImageConfig } from '../../images/types.ts'
import type { ChainId, RootMount } from '../../snapshots/types.ts'
import type { CacheRecord } from '../cache/cache.ts'
import { BuildCancelled } from '../failure.ts'
import { extend, type State } from '../state.ts'
import type { Workshop } from '../workshop.ts'
import { writeLayer } from './roots.ts'

/** Fills a root, which has the id as its name. */
type Work = (root: RootMount, id: ContainerId) => Promise<void>

export interface StepPlan {
  key: string
  createdBy: string
  config?: ImageConfig
  author?: string
  /** Writes to a root; null: the step changes the configuration alone. */
  write: Work | null
  /** COPY --link: its layer depends on nothing below it, but on this alone. */
  linkKey?: string
  /** Never found in the cache. */
  always?: boolean
}

export async function perform(
  workshop: Workshop,
  state: State,
  plan: StepPlan,
): Promise<{ state: State; cached: boolean }> {
  const { key, createdBy, config, author } = plan
  const known = plan.always ? undefined : find(workshop, state, plan)
  const record = known ?? (await make(workshop, state, plan))
  const addition = { key, createdBy, created: record.created, layer: record.layer }
  const next = extend(state, { ...addition, ...(config && { config }), ...(author !== undefined && { author }) })
  return { state: next, cached: known !== undefined }
}

function find(workshop: Workshop, state: State, plan: StepPlan): Pick<CacheRecord, 'created' | 'layer'> | undefined {
  const { cache, request, snapshots } = workshop
  if (request.noCache) return undefined
  const record = cache.find(plan.key)
  if (record !== undefined && fits(snapshots, state, record)) {
    cache.touch(record)
    return record
  }
  return findInImages(workshop, state, plan)
}

/**
 * The layer is there, and stands on those that this build has: a step below may have been done once more since, and have come to
 * something else.
 */
const fits = ({ layers }: Workshop['snapshots'], state: State, { layer }: CacheRecord): boolean =>
  layer === null || (layers.find(layer.chain) !== undefined && layer.below === (state.chain.at(-1) ?? ''))

/** --cache-from: an image that went the same way so far, and on with this step. */
function findInImages(
  { cacheImages, snapshots }: Workshop,
  state: State,
  { createdBy }: StepPlan,
): Pick<CacheRecord, 'created' | 'layer'> | undefined {
  for (const image of cacheImages) {
    const entry = image.history[state.history.length]
    if (entry?.createdBy !== createdBy || !sameWay(image.history, state) || entry.created === undefined) continue
    if (state.diffIds.some((diffId, index) => image.diffIds[index] !== diffId)) continue
    if (entry.emptyLayer) return { created: entry.created, layer: null }
    const [diffId, chain] = [image.diffIds[state.diffIds.length], image.chain[state.diffIds.length]]
    const layer = chain && snapshots.layers.find(chain)
    if (diffId === undefined || chain === undefined || layer === undefined) continue
    return { created: entry.created, layer: { diffId, chain, below: state.chain.at(-1) ?? '', size: layer.size } }
  }
  return undefined
}

const sameWay = (history: readonly HistoryEntry[], state: State): boolean =>
  state.history.every(({ createdBy, emptyLayer }, index) => {
    const other = history[index]
    return other?.createdBy === createdBy && other.emptyLayer === emptyLayer
  })

async function make(workshop: Workshop, state: State, plan: StepPlan): Promise<CacheRecord> {
  const { cache, epoch } = workshop
  const layer = plan.write === null ? null : await write(workshop, state, plan, plan.write)
  const created = epoch === null ? new Date().toISOString() : atEpoch(epoch)
  return cache.add({ key: plan.key, parent: state.key, description: plan.createdBy, created, layer })
}

const atEpoch = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

async function write(
  workshop: Workshop,
  state: State,
  { linkKey }: StepPlan,
  work: Work,
): Promise<CacheRecord['layer']> {
  if (linkKey !== undefined) return writeLinked(workshop, state, linkKey, work)
  const { layer } = await writeLayer(
    workshop.snapshots,
    state.chain,
    workshop.epoch,
    workshop.later,
    inTurn(workshop, work),
  )
  return layer && { ...layer, below: state.chain.at(-1) ?? '' }
}

/** The work alone: what is planned may have to wait for another stage, which needs turns of its own. */
const inTurn =
  ({ turns, signal }: Workshop, work: Work): Work =>
  (root, id) =>
    turns.take(() => {
      if (signal.aborted) throw new BuildCancelled()
      return work(root, id)
    })

/** A layer made on nothing, or found from another build, and put on top of what this one has. */
async function writeLinked(workshop: Workshop, state: State, key: string, work: Work): Promise<CacheRecord['layer']> {
  const { cache, snapshots, epoch, request, later } = workshop
  const below = state.chain.at(-1)
  const known = request.noCache ? undefined : cache.find(key)?.layer
  const reused = known && (await snapshots.layers.reuse(known.diffId, below))
  if (known && reused) return { ...known, chain: reused, below: below ?? '' }
  const { layer } = await writeLayer(snapshots, [], epoch, later, inTurn(workshop, work))
  if (layer === null) return null
  const created = new Date().toISOString()
  cache.add({ key, parent: '', description: 'COPY --link', created, layer: { ...layer, below: '' } })
  const chain = (await snapshots.layers.reuse(layer.diffId, below)) as ChainId
  return { ...layer, chain, below: below ?? '' }
}

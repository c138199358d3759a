/** What a stage has come to after a step, and how the next step changes it. */

import { createHash } from 'node:crypto'
import { EMPTY_CONFIG, thisArchitecture } from '../images/oci.ts'
import type { HistoryEntry, Image, ImageConfig, ImageId } from '../images/types.ts'
import type { ChainId, DiffId } from '../snapshots/types.ts'

export interface State {
  /** Stands for everything that this state depends on. */
  readonly key: string
  readonly config: ImageConfig
  readonly history: readonly HistoryEntry[]
  readonly diffIds: readonly DiffId[]
  /** Lowest first. */
  readonly chain: readonly ChainId[]
  readonly platform: { os: string; architecture: string; variant: string | undefined }
  readonly author: string
  readonly created: string
  /** The image that this state is, where there is one. */
  readonly image: ImageId | undefined
}

/** Raised when what a key means changes. */
const FORMAT = 2

export const keyOf = (...parts: unknown[]): string =>
  createHash('sha256')
    .update(JSON.stringify([FORMAT, ...parts]))
    .digest('hex')

export const scratch = (): State => ({
  key: keyOf('scratch'),
  config: EMPTY_CONFIG,
  history: [],
  diffIds: [],
  chain: [],
  platform: { os: 'linux', architecture: thisArchitecture(), variant: undefined },
  author: '',
  created: '',
  image: undefined,
})

export const stateOf = (image: Image): State => ({
  key: keyOf('image', image.id),
  config: image.config,
  history: image.history,
  diffIds: image.diffIds,
  chain: image.chain,
  platform: { os: image.os, architecture: image.architecture, variant: image.variant },
  author: image.author,
  created: image.created ?? '',
  image: image.id,
})

/** What a step adds. */
export interface Addition {
  key: string
  config?: ImageConfig
  author?: string
  createdBy: string
  comment?: string
  created: string
  /** null: the step wrote nothing. */
  layer: { diffId: DiffId; chain: ChainId } | null
}

export function extend(
  state: State,
  { key, config, author, createdBy, comment = '', created, layer }: Addition,
): State {
  const entry: HistoryEntry = { created, createdBy, author: '', comment, emptyLayer: layer === null }
  return {
    ...state,
    key,
    config: config ?? state.config,
    author: author ?? state.author,
    created,
    history: [...state.history, entry],
    diffIds: layer === null ? state.diffIds : [...state.diffIds, layer.diffId],
    chain: layer === null ? state.chain : [...state.chain, layer.chain],
    image: undefined,
  }
}

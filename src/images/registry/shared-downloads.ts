/**
 * Layers that are on their way, each once, however many pulls want it. A pull claims a layer; the first that comes to put its layers
 * on top of each other takes the unpacked files, the others take up what is in the store then. The last to leave clears up.
 */

import type { LayerStore, StagedLayer } from '../../snapshots/layers.ts'
import type { ChainId, DiffId, Digest } from '../types.ts'

/** What a download tells of itself to all who wait for it. */
export interface DownloadStep {
  status: string
  current?: number
  total?: number
}

type Listener = (step: DownloadStep) => void

interface Download {
  staged: Promise<StagedLayer>
  listeners: Set<Listener>
  claims: number
  placed: Promise<ChainId> | null
}

export interface Claim {
  /** Whether this claim began the download. */
  readonly isFirst: boolean
  readonly staged: Promise<StagedLayer>
  /** Puts the layer on top of a chain. */
  place(parent: ChainId | undefined): Promise<ChainId>
  /** To be called once, whatever has happened. */
  release(): Promise<void>
}

export class SharedDownloads {
  readonly #underWay = new Map<Digest, Download>()

  constructor(private readonly layers: LayerStore) {}

  /** Joins the download of this blob, or starts one. No turn of the event loop passes before it is known to all. */
  claim(digest: Digest, start: (tell: Listener) => Promise<StagedLayer>, listener: Listener): Claim {
    const known = this.#underWay.get(digest)
    const download = known ?? this.#start(digest, start)
    download.claims++
    download.listeners.add(listener)
    return {
      isFirst: known === undefined,
      staged: download.staged,
      place: parent => this.#place(download, parent),
      release: () => this.#release(digest, download, listener),
    }
  }

  #start(digest: Digest, start: (tell: Listener) => Promise<StagedLayer>): Download {
    const listeners = new Set<Listener>()
    const staged = start(step => {
      for (const tell of listeners) tell(step)
    })
    const download: Download = { staged, listeners, claims: 0, placed: null }
    this.#underWay.set(digest, download)
    // Whoever waited for one that failed begins again, and finds what has come so far (partial-blobs.ts).
    staged.catch(() => this.#forget(digest, download))
    return download
  }

  async #place(download: Download, parent: ChainId | undefined): Promise<ChainId> {
    const staged = await download.staged
    if (download.placed === null) {
      download.placed = this.layers.place(staged, parent)
      return download.placed
    }
    await download.placed
    const chain = await this.layers.reuse(staged.diffId as DiffId, parent)
    if (chain === undefined) throw new Error(`layer ${staged.diffId} was removed while it was pulled`)
    return chain
  }

  async #release(digest: Digest, download: Download, listener: Listener): Promise<void> {
    download.listeners.delete(listener)
    download.claims--
    if (download.claims > 0) return
    this.#forget(digest, download)
    if (download.placed !== null) return
    const [result] = await Promise.allSettled([download.staged])
    if (result.status === 'fulfilled') await this.layers.discard(result.value)
  }

  #forget(digest: Digest, download: Download): void {
    if (this.#underWay.get(digest) === download) this.#underWay.delete(digest)
  }
}

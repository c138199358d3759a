/**
 * Which layers a power cut may still take, and the way to make them stay. What a power cut leaves without a record is deleted, so that
 * nobody takes a layer for whole whose files are empty. See syncfs(2).
 */

import type { Layer, LayerRecords } from './layer-records.ts'

export class Settling {
  /** Layers whose records are not written yet, and whether their files are on the disk for certain. */
  readonly #unsettled = new Map<Layer, { isNew: boolean }>()
  #settling: Promise<void> = Promise.resolve()

  constructor(
    private readonly records: LayerRecords,
    /** Writes all of the layers' file system to the disk. */
    private readonly syncFiles: () => Promise<unknown>,
    /** Whether a layer has not been deleted meanwhile. */
    private readonly isHere: (layer: Layer) => boolean,
  ) {}

  /** A layer that was made. */
  made(layer: Layer): void {
    this.#unsettled.set(layer, { isNew: true })
  }

  /** A layer of which only the record has changed. */
  changed(layer: Layer): void {
    if (!this.#unsettled.has(layer)) this.#unsettled.set(layer, { isNew: false })
  }

  has(layer: Layer): boolean {
    return this.#unsettled.has(layer)
  }

  forget(layer: Layer): void {
    this.#unsettled.delete(layer)
  }

  /** The files first, by one syncfs(2) for however many layers, then the records. */
  settle(): Promise<void> {
    // One after the other: who comes while another settles the same layer must not be told earlier than that one.
    const settle = (): Promise<void> => this.#settleNow()
    this.#settling = this.#settling.then(settle, settle)
    return this.#settling
  }

  async #settleNow(): Promise<void> {
    const unsettled = [...this.#unsettled]
    this.#unsettled.clear()
    try {
      if (unsettled.some(([, { isNew }]) => isNew)) await this.syncFiles()
      await this.records.write(unsettled.map(([layer]) => layer).filter(this.isHere))
      // Deleted while they were written: a record without files would look like damage.
      for (const [layer] of unsettled) if (!this.isHere(layer)) await this.records.remove(layer)
    } catch (error) {
      for (const [layer, how] of unsettled) this.#unsettled.set(layer, how)
      throw error
    }
  }
}

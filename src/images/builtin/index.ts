/** Images that need no registry: made from what is at hand, when somebody first asks for them. */

import type { LayerStore } from '../../snapshots/layers.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import { makeHello } from './hello.ts'
import { makeHost } from './host.ts'

/** By their full references. */
export const BUILTINS: Record<string, (store: ImageStore, layers: LayerStore) => Promise<StoredImage>> = {
  'docker.io/library/host:latest': makeHost,
  'docker.io/library/hello:latest': makeHello,
}

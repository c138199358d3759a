/** An image of one layer, from a list of files. */

import type { ListedFile } from '../../snapshots/file-list.ts'
import type { LayerStore } from '../../snapshots/layers.ts'
import { addImage } from '../create.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import { thisArchitecture } from '../oci.ts'
import type { ImageConfig } from '../types.ts'

export interface ListedImage {
  files: ListedFile[]
  config: ImageConfig
  createdBy: string
}

export const makeFromList = (
  store: ImageStore,
  layers: LayerStore,
  { files, config, createdBy }: ListedImage,
): Promise<StoredImage> =>
  layers.keeping(async () =>
    addImage(store, layers, await layers.stageList(files), {
      config,
      platform: { os: 'linux', architecture: thisArchitecture(), variant: undefined },
      comment: '',
      author: '',
      createdBy,
      parent: undefined,
    }),
  )

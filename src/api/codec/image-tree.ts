/** `image tree` as JSON: skiff's own, in Docker's spelling. */

import type { ImageTree, LayerDescription, TreeStep } from '../../images/types.ts'

export const encodeTree = ({ image, steps, mount }: ImageTree) => ({
  Id: image.id,
  RepoTags: image.repoTags,
  Size: image.size,
  Steps: steps.map(encodeStep),
  Mount: mount === undefined ? null : { Folder: mount.folder, Type: 'overlay', Options: mount.options },
})

const encodeStep = ({ created, createdBy, comment, layer }: TreeStep) => ({
  Created: created ?? null,
  CreatedBy: createdBy,
  Comment: comment,
  Layer: layer === undefined ? null : encodeLayer(layer),
})

const encodeLayer = ({ chainId, diffId, path, size, files, sharedWith }: LayerDescription) => ({
  DiffId: diffId,
  ChainId: chainId,
  Path: path,
  Size: size,
  Files:
    files === undefined
      ? null
      : { Added: files.added, Changed: files.changed, Deleted: files.deleted, HiddenBytes: files.hidden },
  SharedWith: sharedWith,
})

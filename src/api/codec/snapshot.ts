/** Snapshots: endpoints of skiff's own, in the manner of Docker's. See docs/snapshots.md. */

import type { Snapshot } from '../../containers/snapshots/types.ts'

export const encodeSnapshot = (snapshot: Snapshot) => ({
  Name: snapshot.name,
  Created: snapshot.created,
  ContainerID: snapshot.containerId,
  ContainerName: snapshot.containerName,
  Image: snapshot.image,
  ImageID: snapshot.imageId,
  Driver: snapshot.driver,
  Parent: snapshot.parent,
  Size: snapshot.size,
  Folders: snapshot.folders,
  Volumes: snapshot.volumes.map(({ name, destination }) => ({ Name: name, Destination: destination })),
  UsedBy: snapshot.usedBy.map(({ kind, name }) => ({ Kind: kind, Name: name })),
})

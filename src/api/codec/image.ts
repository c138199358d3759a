/** Images as inspect, list, history and removal show them. Engine API reference, "Image". */

import type { ContainerConfig } from '../../containers/types.ts'
import type { HistoryLine, Image, ImageConfig, ImageDiskUsage, Removed } from '../../images/types.ts'
import { containerConfig } from './container-config.ts'
import { NEVER } from './container-state.ts'

type Since = (version: string) => boolean

const asContainerConfig = ({ stopTimeoutS, ...config }: ImageConfig): ContainerConfig => ({
  ...containerConfig.zero(),
  ...config,
  cmd: config.cmd ?? null,
  entrypoint: config.entrypoint ?? null,
  healthcheck: config.healthcheck ?? null,
  shell: config.shell ?? null,
  onBuild: config.onBuild.length > 0 ? config.onBuild : null,
  stopSignal: config.stopSignal ?? '',
  stopTimeoutSeconds: stopTimeoutS ?? null,
})

export const encodeImageConfig = (config: ImageConfig) => containerConfig.encode(asContainerConfig(config))

const seconds = (timestamp: string | undefined): number => (timestamp ? Math.floor(Date.parse(timestamp) / 1000) : 0)

export const encodeImage = (image: Image, since: Since) => ({
  Id: image.id,
  RepoTags: image.repoTags,
  RepoDigests: image.repoDigests,
  Parent: image.parent ?? '',
  Comment: image.comment,
  Created: image.created ?? NEVER,
  ...(!since('1.45') && { Container: '' }),
  // Docker leaves it out since API 1.45, and docker-compose 1.29 fails without it when it recreates a container.
  ContainerConfig: containerConfig.encode({ ...containerConfig.zero(), volumes: image.config.volumes }),
  DockerVersion: image.dockerVersion,
  Author: image.author,
  Config: encodeImageConfig(image.config),
  Architecture: image.architecture,
  ...(image.variant && { Variant: image.variant }),
  Os: image.os,
  ...(image.osVersion && { OsVersion: image.osVersion }),
  Size: image.size,
  ...(!since('1.44') && { VirtualSize: image.size }),
  GraphDriver: { Data: image.graphDriver.data, Name: image.graphDriver.name },
  RootFS: { Type: 'layers', ...(image.diffIds.length > 0 && { Layers: image.diffIds }) },
  Metadata: { LastTagTime: image.lastTagged ?? NEVER },
})

export interface Usage {
  containers: number
  sharedSize: number
}

/** Not counted: that costs time, and only some commands ask for it. */
export const UNCOUNTED: Usage = { containers: -1, sharedSize: -1 }

export function encodeImageSummary(image: Image, usage: Usage, since: Since) {
  const labels = image.config.labels
  const noTag = image.repoTags.length === 0 && !since('1.43')
  const noDigest = noTag && image.repoDigests.length === 0
  return {
    Containers: usage.containers,
    Created: seconds(image.created),
    Id: image.id,
    Labels: Object.keys(labels).length > 0 ? labels : null,
    ParentId: image.parent ?? '',
    RepoDigests: noDigest ? ['<none>@<none>'] : image.repoDigests,
    RepoTags: noTag ? ['<none>:<none>'] : image.repoTags,
    SharedSize: usage.sharedSize,
    Size: image.size,
    ...(!since('1.44') && { VirtualSize: image.size }),
  }
}

export const encodeImageUsage = ({ image, sharedSize }: ImageDiskUsage, containers: number, since: Since) =>
  encodeImageSummary(image, { containers, sharedSize }, since)

export const encodeHistory = (line: HistoryLine) => ({
  Comment: line.comment,
  Created: seconds(line.created),
  CreatedBy: line.createdBy,
  Id: line.id ?? '<missing>',
  Size: line.size,
  Tags: line.tags.length > 0 ? line.tags : null,
})

export const encodeRemoved = (removed: Removed) =>
  'untagged' in removed ? { Untagged: removed.untagged } : { Deleted: removed.deleted }

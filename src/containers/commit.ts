/** docker commit: an image of what a container has written, on top of the image it came from. */

import { familiarName, parseReference, withDefaultTag } from '../images/references.ts'
import type { Image, ImageConfig, ImageId } from '../images/types.ts'
import { Conflict } from '../kernel/errors.ts'
import type { Context } from './context.ts'
import { mergeImageConfig } from './create/merge.ts'
import type { LiveContainer } from './live.ts'
import type { CommitRequest, ContainerConfig } from './types.ts'

/** In the container's queue: its files stand still where `pause` asks for that, and nobody removes them meanwhile. */
export function commitContainer(context: Context, container: LiveContainer, request: CommitRequest): Promise<Image> {
  return container.queue.run(async () => {
    const { id, state, config, root, removing } = container
    if (removing || state.dead) throw new Conflict(`You cannot commit container ${id} which is being removed`)
    if (root === null) throw new Conflict(`container ${id} has no layer of its own to commit`)
    const ran = imageConfig(config.config)
    // What the request says goes before what the container was made with.
    const merged = request.config ? imageConfig(mergeImageConfig(request.config, ran)) : ran
    const image = await whileFrozen(context, container, request.pause, () =>
      context.rooms.images.commit({
        layer: root.kind === 'overlay' ? { upper: root.upper } : context.rooms.snapshots.packDiff(root),
        parent: config.imageId as ImageId,
        reference: request.reference || undefined,
        author: request.author,
        message: request.message,
        changes: request.changes,
        config: merged,
        createdBy: [config.path, ...config.args].join(' '),
      }),
    )
    context.emit(container, 'commit', {
      comment: request.message,
      imageID: image.id,
      imageRef: request.reference ? familiarName(withDefaultTag(parseReference(request.reference))) : '',
    })
    return image
  })
}

async function whileFrozen<T>(
  context: Context,
  container: LiveContainer,
  pause: boolean,
  work: () => Promise<T>,
): Promise<T> {
  const { process, state } = container
  if (!pause || process === null || state.paused) return work()
  await process.cgroup.freeze()
  context.emit(container, 'pause')
  try {
    return await work()
  } finally {
    await process.cgroup.thaw()
    context.emit(container, 'unpause')
  }
}

const imageConfig = (config: ContainerConfig): ImageConfig => ({
  user: config.user,
  exposedPorts: config.exposedPorts,
  env: config.env,
  entrypoint: config.entrypoint ?? undefined,
  cmd: config.cmd ?? undefined,
  volumes: config.volumes,
  workingDir: config.workingDir,
  labels: config.labels,
  stopSignal: config.stopSignal || undefined,
  stopTimeoutS: config.stopTimeoutSeconds ?? undefined,
  healthcheck: config.healthcheck ?? undefined,
  shell: config.shell ?? undefined,
  onBuild: config.onBuild ?? [],
  hostname: config.hostname,
  domainname: config.domainname,
  tty: config.tty,
  openStdin: config.openStdin,
})

/** docker commit: an image of what a container has written, on top of the image it came from. */

import { familiarName, parseReference, withDefaultTag } from '../images/references.ts'
import type { CommitOptions, Image, ImageId } from '../images/types.ts'
import { Conflict } from '../kernel/errors.ts'
import type { FrozenName } from '../snapshots/frozen.ts'
import type { RootMount } from '../snapshots/types.ts'
import type { Context } from './context.ts'
import { imageConfig, mergeImageConfig } from './create/merge.ts'
import { freshRoot } from './fresh-root.ts'
import type { LiveContainer } from './live.ts'
import type { CommitRequest } from './types.ts'

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
      withLayer(context, container, root, layer =>
        context.rooms.images.commit({
          layer,
          parent: config.imageId as ImageId,
          reference: request.reference || undefined,
          author: request.author,
          message: request.message,
          changes: request.changes,
          config: merged,
          createdBy: [config.path, ...config.args].join(' '),
        }),
      ),
    )
    context.emit(container, 'commit', {
      comment: request.message,
      imageID: image.id,
      imageRef: request.reference ? familiarName(withDefaultTag(parseReference(request.reference))) : '',
    })
    return image
  })
}

/** What the container has written: by overlay a folder, else an archive. */
async function withLayer<T>(
  context: Context,
  container: LiveContainer,
  root: RootMount,
  use: (layer: CommitOptions['layer']) => Promise<T>,
): Promise<T> {
  const { snapshots } = context.rooms
  if (root.kind === 'plain') return use(snapshots.packDiff(root))
  const frozen = await shared(context, container)
  if (frozen !== undefined) return use({ frozen })
  return snapshots.withWritten(root, upper => use({ upper }))
}

/** What was written as a frozen folder, which the image and the container both stand on: no copy is made of what nobody writes to. */
async function shared(context: Context, container: LiveContainer): Promise<FrozenName | undefined> {
  const { privileged, capAdd, devices } = container.config.hostConfig
  // With these it may have left something in the kernel that writes to its files on: a loop device, a swap file.
  const isConfined = !privileged && capAdd.length === 0 && devices.length === 0
  if (container.process !== null || !isConfined) return undefined
  const frozen = await context.rooms.snapshots.share(container.id)
  if (frozen !== undefined) await freshRoot(context, container)
  return frozen
}

/** Does work while nothing in the container runs, if that is asked for. */
export async function whileFrozen<T>(
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

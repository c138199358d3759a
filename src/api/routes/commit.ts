/** From containers to an image, and the end of those that nobody needs. Engine API reference, "Image commit", "Container prune". */

import type { ContainerConfig } from '../../containers/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { containerConfig } from '../codec/container-config.ts'
import { inlineOrNull, Struct } from '../codec/struct.ts'
import type { Call } from '../http/call.ts'
import { post, type Route } from '../http/router.ts'
import { withTag } from './images.ts'

const commitBody = new Struct<{ config: ContainerConfig | null }>('container.Config', {
  config: inlineOrNull(containerConfig),
})

async function commit(call: Call): Promise<void> {
  const { query } = call
  const ref = query.text('container')
  if (ref === '') throw new InvalidParameter('No container specified')
  const { config } = await call.json(commitBody, { optional: true })
  const repository = query.text('repo')
  const { id } = await call.services.containers.commit(ref, {
    reference: repository === '' ? '' : withTag(repository, query.text('tag')),
    author: query.text('author'),
    message: query.text('comment'),
    changes: query
      .all('changes')
      .flatMap(change => change.split('\n'))
      .filter(change => change.trim() !== ''),
    // Docker freezes unless it is told not to.
    pause: !query.has('pause') || query.flag('pause'),
    config,
  })
  call.send(201, { Id: id })
}

async function prune(call: Call): Promise<void> {
  const { removed, reclaimed } = await call.services.containers.prune(call.query.filters(['until', 'label', 'label!']))
  call.send(200, { ContainersDeleted: removed.length > 0 ? removed : null, SpaceReclaimed: reclaimed })
}

export const commitRoutes: Route[] = [post('/commit', commit), post('/containers/prune', prune)]

/** docker update: other limits, at once if it runs; another restart policy. */

import type { Resources } from '../../cgroups/types.ts'
import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import { validateRestartPolicy } from '../create/validate-host.ts'
import { checkResources } from '../create/validate-resources.ts'
import type { LiveContainer } from '../live.ts'
import { writeConfig } from '../store/files.ts'
import type { RestartPolicy } from '../types.ts'

/** @throws InvalidParameter, Conflict; the kernel's refusal of a value leaves everything as it was recorded */
export async function updateContainer(
  context: Context,
  container: LiveContainer,
  asked: Resources,
  restartPolicy: RestartPolicy | null,
): Promise<{ warnings: string[] }> {
  if (restartPolicy !== null) validateRestartPolicy(restartPolicy)
  const changed = withoutZeros(asked)
  const { resources, warnings } = checkResources(changed, context.rooms.cgroups.supports)
  await container.queue.run(async () => {
    const { config, removing } = container
    if (removing) throw new Conflict(`container is marked for removal and cannot be "update"`)
    refuseAutoRemove(container, restartPolicy)
    const merged = { ...config.hostConfig.resources, ...resources }
    checkTogether(merged)
    await container.process?.cgroup.update(resources)
    const hostConfig = {
      ...config.hostConfig,
      resources: merged,
      restartPolicy: restartPolicy ?? config.hostConfig.restartPolicy,
    }
    container.config = { ...config, hostConfig }
    await writeConfig(container.paths.folder, container.config)
    context.emit(container, 'update')
  })
  return { warnings }
}

function refuseAutoRemove({ config }: LiveContainer, policy: RestartPolicy | null): void {
  if (policy === null || policy.name === '' || policy.name === 'no' || !config.hostConfig.autoRemove) return
  throw new InvalidParameter('Restart policy cannot be updated because AutoRemove is enabled for the container')
}

/** A new limit must fit to the old ones that stay. */
function checkTogether({ memoryBytes = 0, memorySwapBytes = 0 }: Resources): void {
  if (memoryBytes > 0 && memorySwapBytes > 0 && memorySwapBytes < memoryBytes) {
    throw new InvalidParameter(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    )
  }
}

/** In an update, zero and empty mean: leave it as it is. */
function withoutZeros(asked: Resources): Resources {
  const set = Object.entries(asked).filter(([, value]) => {
    if (Array.isArray(value)) return value.length > 0
    return value !== undefined && value !== 0 && value !== '' && value !== false
  })
  return Object.fromEntries(set)
}

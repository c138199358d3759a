/** docker update: other limits, at once if it runs; another restart policy. */

import type { Resources } from '../../cgroups/types.ts'
import { Conflict, InvalidParameter, Unavailable } from '../../kernel/errors.ts'
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
    try {
      await change(container, resources, restartPolicy)
    } catch (error) {
      throw refusal(container, error)
    }
    context.emit(container, 'update')
  })
  return { warnings }
}

async function change(
  container: LiveContainer,
  resources: Resources,
  restartPolicy: RestartPolicy | null,
): Promise<void> {
  const { config, removing } = container
  if (removing) throw new Conflict(`container is marked for removal and cannot be "update"`)
  refuseAutoRemove(container, restartPolicy)
  checkAgainst(config.hostConfig.resources, resources)
  await container.process?.cgroup.update(resources)
  const hostConfig = {
    ...config.hostConfig,
    resources: { ...config.hostConfig.resources, ...resources },
    // Docker's clients send an empty name along with other limits.
    restartPolicy: restartPolicy?.name ? restartPolicy : config.hostConfig.restartPolicy,
  }
  container.config = { ...config, hostConfig }
  await writeConfig(container.paths.folder, container.config)
}

/** In Docker's words, and of the same class, where the class says how to react. */
function refusal({ id }: LiveContainer, cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause
  const message = `Cannot update container ${id}: ${cause.message}`
  if (cause instanceof Conflict) return new Conflict(message, { cause })
  if (cause instanceof Unavailable) return new Unavailable(message, { cause })
  return cause instanceof InvalidParameter ? new InvalidParameter(message, { cause }) : new Error(message, { cause })
}

function refuseAutoRemove({ config }: LiveContainer, policy: RestartPolicy | null): void {
  if (policy === null || policy.name === '' || policy.name === 'no' || !config.hostConfig.autoRemove) return
  throw new Conflict('Restart policy cannot be updated because AutoRemove is enabled for the container')
}

/** A new limit must fit to the old ones that stay. @throws Conflict */
function checkAgainst(present: Resources, asked: Resources): void {
  const isSetNow = (name: 'nanoCpus' | 'cpuPeriodUs' | 'cpuQuotaUs'): boolean => (present[name] ?? 0) > 0
  const isAsked = (name: 'nanoCpus' | 'cpuPeriodUs' | 'cpuQuotaUs'): boolean => (asked[name] ?? 0) > 0
  const conflicting = (what: string, other: string): Conflict =>
    new Conflict(`Conflicting options: ${what} cannot be updated as ${other} has already been set`)
  if (isAsked('nanoCpus') && isSetNow('cpuPeriodUs')) throw conflicting('Nano CPUs', 'CPU Period')
  if (isAsked('nanoCpus') && isSetNow('cpuQuotaUs')) throw conflicting('Nano CPUs', 'CPU Quota')
  if (isAsked('cpuPeriodUs') && isSetNow('nanoCpus')) throw conflicting('CPU Period', 'NanoCPUs')
  if (isAsked('cpuQuotaUs') && isSetNow('nanoCpus')) throw conflicting('CPU Quota', 'NanoCPUs')
  const { memoryBytes = 0, memorySwapBytes = 0 } = { ...present, ...asked }
  if (memoryBytes > 0 && memorySwapBytes > 0 && memorySwapBytes < memoryBytes) {
    throw new Conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    )
  }
}

/** In an update, zero and empty mean: leave it as it is. Of processes zero means: as many as there may be. */
function withoutZeros(asked: Resources): Resources {
  const set = Object.entries(asked).filter(([name, value]) => {
    if (name === 'pidsLimit') return value !== undefined
    if (Array.isArray(value)) return value.length > 0
    return value !== undefined && value !== 0 && value !== '' && value !== false
  })
  return Object.fromEntries(set)
}

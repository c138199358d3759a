/** A daemon that starts gives a running container's addresses, ports and names back to it, before anybody else can get them. */

import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { sandboxRequest } from './plan.ts'

export async function restoreNetwork(context: Context, container: LiveContainer): Promise<void> {
  const { networks, log } = context.rooms
  const { sandboxId, endpoints, ports } = container.state.network
  if (networks === null || sandboxId === '') return
  try {
    const request = sandboxRequest(context, container.config)
    await networks.restoreSandbox({ request, sandboxId, endpoints, ports, pid: container.state.pid })
  } catch (error) {
    // The container runs: better with a network that is not fully known than not at all.
    log.error({ container: container.id, err: error }, 'the network of a running container could not be restored')
  }
}

/** docker rename */

import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { writeConfig } from '../store/files.ts'
import { checkName } from '../store/names.ts'

/** @throws InvalidParameter, Conflict if the name is taken */
export function renameContainer(context: Context, container: LiveContainer, given: string): Promise<void> {
  return container.queue.run(async () => {
    const old = container.config.name
    if (given === '') throw new InvalidParameter('Neither old nor new names may be empty')
    if (given.replace(/^\//, '') === old) {
      throw new InvalidParameter('Renaming a container with the same name as its current name')
    }
    const name = takeName(context, container, given)
    try {
      await writeConfig(container.paths.folder, { ...container.config, name })
      container.config = { ...container.config, name }
    } catch (error) {
      context.names.release(name, container.id)
      throw error
    }
    context.names.release(old, container.id)
    await renameInNetworks(context, container, name)
    context.emit(container, 'rename', { oldName: `/${old}` })
  })
}

async function renameInNetworks(context: Context, container: LiveContainer, name: string): Promise<void> {
  if (container.state.network.sandboxId === '') return
  const connections = await context.rooms.networks?.rename(container.id, name)
  if (!connections) return
  container.state.network = { ...container.state.network, ...connections }
  await context.save(container)
}

function takeName({ names }: Context, { id }: LiveContainer, given: string): string {
  try {
    const name = checkName(given.startsWith('/') ? given : `/${given}`)
    names.reserve(name, id)
    return name
  } catch (error) {
    const message = `Error when allocating new name: ${(error as Error).message}`
    if (error instanceof Conflict) throw new Conflict(message)
    if (error instanceof InvalidParameter) throw new InvalidParameter(message)
    throw error
  }
}

/**
 * Which namespaces are new, which are the host's, which are another container's. See namespaces(7). Descriptors of others are
 * opened through the pidfd of a process that is known to live: a number alone might be a stranger's by now.
 */

import { Conflict } from '../../kernel/errors.ts'
import type { NamespaceSource, Namespaces } from '../../runtime/spec.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { pidfdOf } from '../pidfd.ts'

const NEW: NamespaceSource = { kind: 'new' }
const HOST: NamespaceSource = { kind: 'host' }

export interface ChosenNamespaces {
  namespaces: Namespaces
  /** pidfd of the container whose /dev/shm is shared. */
  shmOf: number | null
}

/** @throws NotFound, Conflict if the other container does not run */
export function chooseNamespaces(
  context: Context,
  container: LiveContainer,
  network: NamespaceSource,
): ChosenNamespaces {
  const { pidMode, ipcMode, utsMode, cgroupnsMode } = container.config.hostConfig
  const ipcOwner = ownerOf(context, ipcMode)
  if (ipcOwner !== null) refusePrivateIpc(ipcOwner)
  const ipc = ipcOwner === null ? newOrHost(ipcMode) : sharedWith(ipcOwner, 'IPC')
  const pidOwner = ownerOf(context, pidMode)
  return {
    namespaces: {
      pid: pidOwner === null ? newOrHost(pidMode) : sharedWith(pidOwner, 'PID'),
      network,
      ipc,
      uts: newOrHost(utsMode),
      cgroup: cgroupnsMode === 'private' ? NEW : HOST,
    },
    shmOf: ipc.kind === 'fd' ? ipc.fd : null,
  }
}

const newOrHost = (mode: string): NamespaceSource => (mode === 'host' ? HOST : NEW)

/** The container of a `container:NAME` mode. */
const ownerOf = (context: Context, mode: string): LiveContainer | null =>
  mode.startsWith('container:') ? context.find(mode.slice('container:'.length)) : null

/** A namespace of a running container, by the pidfd of its first process. @throws Conflict */
export function sharedWith(owner: LiveContainer, what: string): NamespaceSource {
  if (owner.state.restarting) {
    throw new Conflict(`Container ${owner.id} is restarting, wait until the container is running`)
  }
  const pidfd = owner.process === null ? null : pidfdOf(owner.process)
  if (pidfd === null) throw new Conflict(`cannot join ${what} of a non running container: ${owner.id}`)
  return { kind: 'fd', fd: pidfd, of: owner.config.name }
}

function refusePrivateIpc({ id, config }: LiveContainer): void {
  if (['shareable', 'host'].includes(config.hostConfig.ipcMode)) return
  throw new Conflict(
    `can't join IPC of container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  )
}

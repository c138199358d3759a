/** From the live container to the copy that readers get. */

import { dirname, join } from 'node:path'
import type { LiveContainer } from './live.ts'
import type { ContainerMount } from './store/record.ts'
import type { Container, ContainerState, MountPoint } from './types.ts'

export function snapshotOf(container: LiveContainer, linkNames: string[] = []): Container {
  const { config, state, paths } = container
  const networkMode = config.hostConfig.networkMode
  const running = [...container.execs.values()].filter(exec => exec.exitCode === null)
  return {
    id: container.id,
    name: config.name,
    linkNames,
    created: config.created,
    path: config.path,
    args: config.args,
    config: config.config,
    hostConfig: config.hostConfig,
    state: stateOf(container),
    imageId: config.imageId,
    resolvConfPath: paths.resolvConf,
    hostnamePath: paths.hostname,
    hostsPath: paths.hosts,
    logPath: config.hostConfig.logConfig.type === 'json-file' ? paths.log : '',
    restartCount: state.restartCount,
    platform: config.platform,
    mountLabel: '',
    processLabel: '',
    appArmorProfile: '',
    execIds: running.map(exec => exec.id),
    graphDriver: graphDriver(container),
    mounts: config.mounts.filter(mount => !mount.unlisted).map(mountPoint),
    networkSettings: {
      sandboxId: state.network.sandboxId,
      sandboxKey: networkMode === 'host' ? '/proc/1/ns/net' : state.pid > 0 ? `/proc/${state.pid}/ns/net` : '',
      ports: state.network.ports,
      networks: state.network.endpoints,
    },
  }
}

function stateOf({ state, removing }: LiveContainer): ContainerState {
  const { restartCount: _count, stoppedByUser: _stopped, network: _network, ...shown } = state
  return removing && !shown.running ? { ...shown, status: 'removing' } : shown
}

/** Its root is mounted for it alone: what it sees is found through its process, and nowhere while it does not run. */
function graphDriver({ root, state }: LiveContainer): Container['graphDriver'] {
  if (root === null) return { name: 'overlay2', data: {} }
  if (root.kind === 'plain') return { name: 'vfs', data: {} }
  const lower = root.lower.map(name => `${root.layersDir}/${name}`)
  const MergedDir = state.pid > 0 ? `/proc/${state.pid}/root` : join(dirname(root.upper), 'merged')
  return { name: 'overlay2', data: { LowerDir: lower.join(':'), MergedDir, UpperDir: root.upper, WorkDir: root.work } }
}

const mountPoint = ({
  type,
  name,
  source,
  destination,
  driver,
  mode,
  rw,
  propagation,
}: ContainerMount): MountPoint => ({
  type,
  name,
  source,
  destination,
  driver,
  mode,
  rw,
  propagation,
})

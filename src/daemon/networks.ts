/** Opens the networks room; where there can be no bridges the daemon goes on without. */

import { join } from 'node:path'
import type { Logger } from 'pino'
import { rewriteFiles } from '../containers/network/rewrite-files.ts'
import { containerPaths } from '../containers/store/files.ts'
import type { ContainerId } from '../containers/types.ts'
import { KernelError, Unavailable } from '../kernel/errors.ts'
import type { Salvage } from '../kernel/salvage.ts'
import type { DefaultBridge } from '../networks/default-networks.ts'
import { Networks } from '../networks/networks.ts'
import { instanceSuffix } from './instance.ts'
import type { Settings } from './settings.ts'

export async function openNetworks(settings: Settings, log: Logger, salvage: Salvage): Promise<Networks | null> {
  try {
    return await Networks.open({
      folder: join(settings.dataRoot, 'networks'),
      defaultBridge: defaultBridge(settings),
      forwards: settings.userlandProxy,
      pools: settings.pools,
      table: `skiff${instanceSuffix(settings)}`,
      resolvConfPath: '/etc/resolv.conf',
      dns: { servers: settings.dns, search: settings.dnsSearch, options: settings.dnsOptions },
      hostGateway: settings.hostGateway,
      salvage,
      onFilesChanged: (id, change) => {
        try {
          rewriteFiles(containerPaths(settings, id as ContainerId), change)
        } catch (error) {
          log.error({ container: id, err: error }, 'hosts and resolv.conf of a container could not be rewritten')
        }
      },
    })
  } catch (error) {
    if (!(error instanceof KernelError) && !(error instanceof Unavailable)) throw error
    log.warn({ err: error }, 'no bridge networks: containers have a loopback only, unless they use --network host')
    return null
  }
}

function defaultBridge(settings: Settings): DefaultBridge | null {
  const { bridge: name, bip, fixedCidr, ipv6, fixedCidrV6, defaultIp, mtu, icc, ipMasq: masquerade } = settings
  return name === 'none' ? null : { name, bip, fixedCidr, ipv6, fixedCidrV6, defaultIp, mtu, icc, masquerade }
}

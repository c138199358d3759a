/** The daemon's life: configure, open, reconcile, serve, and on a signal go. */

import type { Logger } from 'pino'
import { type ApiServer, createApiServer, type ListenAddress } from '../api/server.ts'
import type { Services } from '../api/services.ts'
import { reconcile } from '../containers/reconcile.ts'
import { releaseAll, stopAll } from '../containers/shutdown.ts'
import { undoOnFailure } from '../kernel/undo.ts'
import { dismissShims, keepShimsAhead } from '../runtime/shim/ahead.ts'
import { CommandHosts } from './command-host.ts'
import { reportFindings } from './examination.ts'
import { lockFolder } from './folder-lock.ts'
import { makeFolders } from './instance.ts'
import { listenAddresses } from './listen.ts'
import { type Metrics, serveMetrics } from './metrics.ts'
import { removePidFile, writePidFile } from './pid-file.ts'
import { notify } from './service-manager.ts'
import { openServices } from './services.ts'
import type { Settings } from './settings.ts'

export interface RunningDaemon {
  /** Ends everything as configured; resolves when the process may exit. */
  stop(): Promise<void>
}

/** What a request in progress gets before its connection is cut. */
const GRACE_MS = 2_000

export async function runDaemon(settings: Settings, log: Logger): Promise<RunningDaemon> {
  await makeFolders(settings)
  const locks = [await lockFolder(settings.dataRoot), await lockFolder(settings.execRoot)]
  const addresses = await listenAddresses(settings.hosts, settings.group)
  const { services, containers, networks } = await openServices(settings, log)
  await reconcile(containers)
  services.volumes.settle()
  // After the last sandbox is restored: the firewall's table is written as a whole.
  for (const chain of networks?.settle() ?? []) {
    log.warn(
      { chain },
      'another firewall drops what is forwarded: containers on bridges may be unreachable (`skiff doctor` names the remedy)',
    )
  }
  const commandHosts = new CommandHosts(settings.hosts, log)
  const { api, metrics } = await undoOnFailure(async undo => {
    // Somebody else may have an address: then nothing of ours stays, unless containers of ours run.
    undo.defer(() => networks?.retire())
    // Before anybody can ask for anything: who finds the socket finds this file, too.
    await writePidFile(settings.pidFile)
    undo.defer(() => removePidFile(settings.pidFile))
    return await serve(settings, log, services, addresses, commandHosts)
  })
  await commandHosts.clear()
  const tell = (...state: Parameters<typeof notify>): void => {
    try {
      notify(...state)
    } catch (error) {
      log.error({ err: error }, 'the service manager cannot be told how it goes')
    }
  }
  reportFindings(settings, log).catch(error => log.error({ err: error }, 'the host could not be examined'))
  keepShimsAhead()
  log.info({ hosts: settings.hosts, dataRoot: settings.dataRoot }, 'skiffd is ready')
  tell('READY=1', 'containers can be started')
  return {
    async stop() {
      tell('STOPPING=1', settings.liveRestore ? 'containers run on' : 'containers are stopped')
      containers.stopping = true
      if (settings.liveRestore) releaseAll(containers)
      else await stopAll(containers)
      await commandHosts.stop()
      await services.builds.stop()
      await api.close(GRACE_MS)
      await dismissShims()
      await metrics?.close()
      await containers.trash.emptied()
      networks?.retire()
      containers.rooms.cgroups.release()
      await removePidFile(settings.pidFile)
      for (const lock of locks) await lock.close()
    },
  }
}

async function serve(
  settings: Settings,
  log: Logger,
  services: Services,
  addresses: readonly ListenAddress[],
  commandHosts: CommandHosts,
): Promise<{ api: ApiServer; metrics: Metrics | null }> {
  const metrics = settings.metricsAddress
    ? await serveMetrics(settings.metricsAddress, services.system.version().version, services.containers)
    : null
  const api = createApiServer(services, {
    log,
    debug: settings.debug,
    onOwnClient: () => commandHosts.start(),
    ...(metrics && { observe: metrics.observe }),
  })
  for (const address of addresses) {
    if (address.kind === 'tcp') {
      log.warn({ host: address.host }, 'the API is served without encryption: whoever reaches this port is root here')
    }
    await api.listen(address)
  }
  return { api, metrics }
}

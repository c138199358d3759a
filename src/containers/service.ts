/** The container service, as src/api sees it: each method is a command of this room. */

import { attachToContainer } from './attach.ts'
import { commitContainer } from './commit.ts'
import type { Context } from './context.ts'
import { createContainer } from './create/create.ts'
import { createExec } from './exec/create.ts'
import { inspectExec, resizeExec } from './exec/inspect.ts'
import { startExec } from './exec/start.ts'
import { explainContainer, explainCreate } from './explain.ts'
import { killContainer } from './lifecycle/kill.ts'
import { pauseContainer, unpauseContainer } from './lifecycle/pause.ts'
import { removeContainer } from './lifecycle/remove.ts'
import { renameContainer } from './lifecycle/rename.ts'
import { resizeContainer } from './lifecycle/resize.ts'
import { startContainer } from './lifecycle/start.ts'
import { restartContainer, stopContainer } from './lifecycle/stop.ts'
import { updateContainer } from './lifecycle/update.ts'
import { waitFor } from './lifecycle/wait.ts'
import { linkNames, removeLink } from './links.ts'
import { listContainers } from './list.ts'
import { containerLogs } from './logs/logs.ts'
import { connectContainer, disconnectContainer } from './network/connect.ts'
import { pruneContainers } from './prune.ts'
import { sizesOf } from './sizes.ts'
import { snapshotOf } from './snapshot.ts'
import { topOf } from './top.ts'
import type { Container, ContainerService } from './types.ts'

export const createContainerService = (context: Context): ContainerService => ({
  create: request => createContainer(context, request),
  list: request => listContainers(context, request),
  inspect: async ref => inspect(context, ref),
  sizes: async ref => sizesOf(context, context.find(ref)),
  start: async ref => startContainer(context, context.find(ref)),
  stop: async (ref, options) => stopContainer(context, context.find(ref), options),
  restart: async (ref, options) => restartContainer(context, context.find(ref), options),
  kill: (ref, signal) => killContainer(context, ref, signal),
  pause: async ref => pauseContainer(context, context.find(ref)),
  unpause: async ref => unpauseContainer(context, context.find(ref)),
  rename: async (ref, name) => renameContainer(context, context.find(ref), name),
  update: async (ref, resources, policy) => updateContainer(context, context.find(ref), resources, policy),
  remove: async (ref, options) =>
    options.link ? removeLink(context, ref) : removeContainer(context, context.find(ref), options),
  wait: async (ref, condition) => ({ end: waitFor(context.find(ref), condition) }),
  resize: async (ref, rows, columns) => resizeContainer(context, context.find(ref), rows, columns),
  top: async (ref, psArgs) => topOf(context, context.find(ref), psArgs),
  attach: async (ref, request) => attachToContainer(context, context.find(ref), request),
  logs: async (ref, request) => containerLogs(context.find(ref), request),
  connect: async (network, ref, endpoint) => connectContainer(context, network, context.find(ref), endpoint),
  disconnect: async (network, ref, options) => disconnectContainer(context, network, ref, options),
  commit: async (ref, request) => commitContainer(context, context.find(ref), request),
  prune: filters => pruneContainers(context, filters),
  createExec: async (ref, config) => createExec(context, ref, config),
  inspectExec: async id => inspectExec(context, id),
  startExec: (id, options) => startExec(context, id, options),
  resizeExec: async (id, rows, columns) => resizeExec(context, id, rows, columns),
  explain: async (ref, form) => explainContainer(context, context.find(ref), form),
  explainRequest: (request, form) => explainCreate(context, request, form),
})

function inspect(context: Context, ref: string): Container {
  const container = context.find(ref)
  return snapshotOf(container, linkNames(context).get(container.id))
}

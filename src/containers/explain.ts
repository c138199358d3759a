/** skiff explain: the program of a container's start; of one that was started, with what came of each step. */

import { undoAfterwards } from '../kernel/undo.ts'
import { networkText } from '../networks/explain-text.ts'
import { explain } from '../runtime/explain/explain.ts'
import { planContainer } from '../runtime/runtime.ts'
import type { ContainerSpec } from '../runtime/spec.ts'
import type { Context } from './context.ts'
import { assemble } from './create/create.ts'
import { placement } from './lifecycle/start.ts'
import type { LiveContainer } from './live.ts'
import type { OpenedNetwork } from './network/open.ts'
import { isPlain } from './network/plan.ts'
import { chooseDevices } from './spec/devices.ts'
import { sharedWith } from './spec/namespaces.ts'
import { PLANNED_SOURCES } from './spec/sources.ts'
import { buildSpec, resourcesOf } from './spec/spec.ts'
import { stdinOf } from './stdin.ts'
import type { CreateRequest, ExplainForm } from './types.ts'

export async function explainContainer(context: Context, container: LiveContainer, form: ExplainForm): Promise<string> {
  const { lastStart, process, config } = container
  const planned = await plan(context, container)
  const spec = lastStart?.spec ?? planned.spec
  const compiled = await planContainer(spec, stdinOf(config))
  const pid = process?.handle.started.pid ?? null
  const network = pid === null ? null : ((await context.rooms.networks?.explain(container.id, pid)) ?? null)
  const subject = {
    name: config.name,
    spec,
    compiled,
    trace: lastStart === null ? null : { ...compiled, reports: lastStart.reports },
    pid,
    network: { facts: network, text: networkText(network, withoutNetwork(container)) },
    cgroup: process?.cgroup.settings(planned.resources) ?? planned.cgroup,
  }
  return explain(subject, form)
}

/** The container is made, looked at, and gone again; nothing is started. */
export const explainCreate = (context: Context, request: CreateRequest, form: ExplainForm): Promise<string> =>
  context.saved.holding(request.snapshot, () =>
    undoAfterwards(async undo => {
      const { container } = await assemble(context, request, undo)
      return explainContainer(context, container, form)
    }),
  )

async function plan(context: Context, container: LiveContainer) {
  const { cgroups } = context.rooms
  const devices = await chooseDevices(container.config.hostConfig)
  const resources = resourcesOf(container, devices)
  const ground = { network: plannedNetwork(context, container), sources: PLANNED_SOURCES, devices }
  const { finish } = await buildSpec(context, container, ground)
  const where = placement(context, container)
  const spec: ContainerSpec = finish(cgroups.open(container.id, where))
  return { spec, resources, cgroup: cgroups.plan(container.id, resources, where) }
}

/** Why it has no interfaces of its own. */
function withoutNetwork({ config, process }: LiveContainer): string {
  const { networkMode } = config.hostConfig
  if (networkMode === 'host') return "the host's: its interfaces, addresses and ports are the container's as well"
  if (networkMode === 'none') return 'a namespace of its own, in which there is the loopback and nothing else'
  if (networkMode.startsWith('container:')) {
    const owner = networkMode.slice('container:'.length).replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, '$1')
    return `that of the container ${owner}: skiff explain ${owner} shows it`
  }
  return process === null ? 'none is known: interfaces and addresses come with the start' : 'none'
}

/** As a start would open it. The namespace of a bridge network is made just before a start: there is no descriptor of it yet. */
function plannedNetwork(
  context: Context,
  { config, paths }: LiveContainer,
): Pick<OpenedNetwork, 'namespace' | 'files' | 'hostname'> {
  const { networkMode } = config.hostConfig
  const own = { files: paths, hostname: config.config.hostname }
  if (networkMode.startsWith('container:')) {
    const owner = context.find(networkMode.slice('container:'.length))
    return { namespace: sharedWith(owner, 'network'), files: owner.paths, hostname: owner.config.config.hostname }
  }
  if (networkMode === 'host') return { ...own, namespace: { kind: 'host' } }
  if (isPlain(networkMode) || context.rooms.networks === null) return { ...own, namespace: { kind: 'new' } }
  return { ...own, namespace: { kind: 'fd', fd: -1, of: `the network ${networkMode}` } }
}

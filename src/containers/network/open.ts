/** The network side of a start: the namespace, and what the container's hosts, hostname and resolv.conf hold. */

import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { hasCode } from '../../kernel/errors.ts'
import { makeNetworkNamespaceOf } from '../../kernel/namespaces.ts'
import type { Undo } from '../../kernel/undo.ts'
import { extraHost, formatHosts, formatResolvConf, parseResolvConf } from '../../networks/etc-files.ts'
import type { NamespaceSource } from '../../runtime/spec.ts'
import type { Context } from '../context.ts'
import type { LiveContainer } from '../live.ts'
import { sharedWith } from '../spec/namespaces.ts'
import { userNamespaceOf } from '../spec/user-namespace.ts'
import type { ContainerPaths } from '../store/files.ts'
import type { StateRecord } from '../store/record.ts'
import { refuseIdleTargets } from './links.ts'
import { isPlain, sandboxRequest } from './plan.ts'

export interface OpenedNetwork {
  namespace: NamespaceSource
  record: StateRecord['network']
  /** Files to be mounted: the container's own, or those of the container whose network it shares. */
  files: Pick<ContainerPaths, 'hostname' | 'hosts' | 'resolvConf'>
  hostname: string
  /** Lets go of the descriptor: the process holds the namespace. */
  close(): void
}

/** @throws NotFound, Conflict, Unavailable (no address or port left) */
export async function openNetwork(context: Context, container: LiveContainer, undo: Undo): Promise<OpenedNetwork> {
  const { networkMode } = container.config.hostConfig
  if (networkMode.startsWith('container:')) return shared(context, networkMode)
  if (isPlain(networkMode) || context.rooms.networks === null) return plain(context, container, undo)
  const { networks } = context.rooms
  refuseIdleTargets(context, container.config)
  await context.turns.next()
  const sandbox = await networks.createSandbox({
    ...sandboxRequest(context, container.config),
    preferred: container.portsBefore,
  })
  undo.defer(() => networks.releaseSandbox(container.id))
  const close = (): void => closeSync(sandbox.netns)
  undo.defer(close)
  writeFiles(container, sandbox)
  return {
    ...own(container),
    namespace: { kind: 'fd', fd: sandbox.netns, of: container.config.name },
    record: { sandboxId: sandbox.sandboxId, endpoints: sandbox.endpoints, ports: sandbox.ports },
    close,
  }
}

const own = ({ paths, config }: LiveContainer): Pick<OpenedNetwork, 'files' | 'hostname'> => ({
  files: paths,
  hostname: config.config.hostname,
})

/** `none` and `host`, and every mode of a skiff without bridges: nothing to be made. */
function plain(context: Context, container: LiveContainer, undo: Undo): OpenedNetwork {
  const { networkMode, extraHosts } = container.config.hostConfig
  const isHost = networkMode === 'host'
  const extra = extraHosts.map(text => extraHost(text, '127.0.0.1'))
  const hosts = isHost ? hostFile('/etc/hosts') : formatHosts([])
  const resolvConf = resolver(context, container)
  const added = extra.map(({ address, names }) => `${address}\t${names.join(' ')}\n`).join('')
  writeFiles(container, { hosts: hosts + added, resolvConf })
  const opened = { ...own(container), record: container.state.network }
  if (isHost) return { ...opened, namespace: { kind: 'host' }, close: () => {} }
  const userNamespace = userNamespaceOf(context.defaults, container.config.hostConfig)
  if (userNamespace === null) return { ...opened, namespace: { kind: 'new' }, close: () => {} }
  // One that the process made before it enters its user namespace would not be its own.
  const fd = makeNetworkNamespaceOf(userNamespace.fd)
  const close = (): void => closeSync(fd)
  undo.defer(close)
  return { ...opened, namespace: { kind: 'fd', fd, of: container.config.name }, close }
}

function shared(context: Context, mode: string): OpenedNetwork {
  const owner = context.find(mode.slice('container:'.length))
  return {
    namespace: sharedWith(owner, 'network'),
    record: { sandboxId: '', endpoints: {}, ports: {} },
    files: owner.paths,
    hostname: owner.config.config.hostname,
    close: () => {},
  }
}

/** The host's resolv.conf with what --dns, --dns-search and --dns-option put in its place. */
function resolver({ defaults }: Context, { config }: LiveContainer): string {
  const { dns, dnsSearch, dnsOptions } = config.hostConfig
  const asked = {
    servers: dns.length > 0 ? dns : defaults.dns,
    search: dnsSearch.length > 0 ? dnsSearch : defaults.dnsSearch,
    options: dnsOptions.length > 0 ? dnsOptions : defaults.dnsOptions,
  }
  const text = hostFile('/etc/resolv.conf')
  if (asked.servers.length + asked.search.length + asked.options.length === 0) return text
  const host = parseResolvConf(text)
  return formatResolvConf({
    servers: asked.servers.length > 0 ? asked.servers : host.servers,
    // '.' is how a user says: search nowhere.
    search: asked.search.length > 0 ? asked.search.filter(domain => domain !== '.') : host.search,
    options: asked.options.length > 0 ? asked.options : host.options,
  })
}

function hostFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}

/**
 * In place, not by renaming: a container that shares them has mounted these very files. They are tiny, and part of every start:
 * other threads would take longer to hear of them than to write them.
 */
function writeFiles(
  { paths, config }: LiveContainer,
  { hosts, resolvConf }: { hosts: string; resolvConf: string },
): void {
  writeFileSync(paths.hosts, hosts, { mode: 0o644 })
  writeFileSync(paths.resolvConf, resolvConf, { mode: 0o644 })
  writeFileSync(paths.hostname, `${config.config.hostname}\n`, { mode: 0o644 })
}

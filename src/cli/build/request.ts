/** From the flags of `skiff build` to the query and the header of POST /build. */

import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Query } from '../../client/engine.ts'
import { openFailure } from '../create/environment.ts'
import { CommandError } from '../errors.ts'
import type { Session } from '../session.ts'
import type { BuildContext } from './context.ts'
import type { BuildOptions } from './flags.ts'

export function buildQuery(session: Session, options: BuildOptions, { remote, dockerfile }: BuildContext): Query {
  return {
    t: options.tag,
    remote: remote || undefined,
    dockerfile: dockerfile || undefined,
    buildargs: JSON.stringify(buildArgs(session, options['build-arg'])),
    labels: JSON.stringify(Object.fromEntries(options.label.map(pair))),
    target: options.target || undefined,
    nocache: options['no-cache'] || undefined,
    pull: options.pull || undefined,
    cachefrom: JSON.stringify(options['cache-from']),
    networkmode: options.network || undefined,
    extrahosts: options['add-host'].join(',') || undefined,
    platform: options.platform || undefined,
    shmsize: options['shm-size'] || undefined,
    memory: options.memory || undefined,
    memswap: options['memory-swap'] || undefined,
    cpushares: options['cpu-shares'] || undefined,
    cpuperiod: options['cpu-period'] || undefined,
    cpuquota: options['cpu-quota'] || undefined,
    cpusetcpus: options['cpuset-cpus'] || undefined,
    cpusetmems: options['cpuset-mems'] || undefined,
    cgroupparent: options['cgroup-parent'] || undefined,
    isolation: options.isolation || undefined,
    squash: options.squash || undefined,
    securityopt: JSON.stringify(options['security-opt']),
    ulimits: JSON.stringify(options.ulimit),
  }
}

function pair(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** A name alone stands for this environment's value; SOURCE_DATE_EPOCH is taken from here unasked, as builders agree to. */
function buildArgs({ env }: Session, texts: readonly string[]): Record<string, string | null> {
  const given = texts.map((text): [string, string | null] =>
    text.includes('=') ? pair(text) : [text, env[text] ?? null],
  )
  const epoch = env.SOURCE_DATE_EPOCH
  return { ...(epoch ? { SOURCE_DATE_EPOCH: epoch } : {}), ...Object.fromEntries(given) }
}

/** base64url of JSON: what is not for the query, and secrets, which are in no log then. */
export async function buildHeader(
  session: Session,
  options: BuildOptions,
  { inline, folder, isClean, named }: BuildContext,
): Promise<string> {
  const secrets = await Promise.all(options.secret.map(text => readSecret(session, text)))
  const extension = {
    events: true,
    dockerfile: inline,
    contextFolder: folder,
    contextIsClean: isClean,
    contexts: named,
    secrets: Object.fromEntries(secrets),
    agents: Object.fromEntries(options.ssh.map(text => agent(session, text))),
  }
  return Buffer.from(JSON.stringify(extension)).toString('base64url')
}

async function readSecret(session: Session, text: string): Promise<[id: string, content: string]> {
  const fields = new Map(text.split(',').map(pair))
  const known = ['type', 'id', 'src', 'source', 'env']
  const unknown = [...fields.keys()].find(key => !known.includes(key))
  if (unknown !== undefined) throw new CommandError(`invalid secret ${text}: unexpected key '${unknown}' in '${text}'`)
  const variable =
    fields.get('env') ?? (fields.get('type') === 'env' ? (fields.get('src') ?? fields.get('id')) : undefined)
  const path = fields.get('src') ?? fields.get('source')
  const id = fields.get('id') || variable || path || ''
  if (id === '') throw new CommandError(`invalid secret ${text}: it has no id`)
  if (variable !== undefined || (path === undefined && session.env[id] !== undefined)) {
    return [id, Buffer.from(session.env[variable ?? id] ?? '').toString('base64')]
  }
  try {
    return [id, (await readFile(resolve(session.cwd, path ?? id))).toString('base64')]
  } catch (error) {
    throw new CommandError(`could not parse secrets: ${openFailure(path ?? id, error)}`)
  }
}

/** `default`, `ID` or `ID=SOCKET`: the socket of an agent on the machine where the daemon runs. */
function agent({ env, cwd }: Session, text: string): [id: string, socket: string] {
  const [id, path] = pair(text)
  const socket = path || env.SSH_AUTH_SOCK || ''
  if (socket === '') throw new CommandError(`invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set`)
  return [id || 'default', socket.startsWith('/') ? socket : join(cwd, socket)]
}

/** What POST /build is asked for: its query, and what skiff's own client adds in a header. Engine API reference, "ImageBuild". */

import type { BuildRequest, PullImage } from '../../build/types.ts'
import type { Ulimit } from '../../containers/types.ts'
import { InvalidParameter, NotImplemented } from '../../kernel/errors.ts'
import type { Query } from '../http/query.ts'
import { containerConfig } from './container-config.ts'
import { hostConfig, ulimit } from './host-config.ts'
import { parseJson } from './json.ts'
import { type Codec, list, map, nullable, orZero, ROOT, text } from './schema.ts'
import { field, Struct } from './struct.ts'

/** The header X-Skiff-Build: base64url of JSON. Secrets are in it, so that they are written nowhere. */
interface Extension {
  /** Tell of steps as objects, and not as lines of text. */
  events: boolean
  dockerfile: string | null
  secrets: Record<string, string>
  agents: Record<string, string>
  contexts: Record<string, { folder: string; image: string }>
  contextFolder: string
  contextIsClean: boolean
}

const flag: Codec<boolean> = {
  goType: 'bool',
  zero: () => false,
  decode: value => value === true,
  encode: value => value,
}
const namedContext = new Struct<{ folder: string; image: string }>('NamedContext', {
  folder: field('folder', text),
  image: field('image', text),
})
const extension = new Struct<Extension>('SkiffBuild', {
  events: field('events', flag),
  dockerfile: field('dockerfile', nullable(text)),
  secrets: field('secrets', map(text)),
  agents: field('agents', map(text)),
  contexts: field('contexts', map(namedContext)),
  contextFolder: field('contextFolder', text),
  contextIsClean: field('contextIsClean', flag),
})

function readExtension(header: string | string[] | undefined): Extension {
  if (typeof header !== 'string') return extension.zero()
  return orZero(extension, parseJson(Buffer.from(header, 'base64url').toString('utf8')), ROOT)
}

function jsonOf<T>(query: Query, name: string, codec: Codec<T>): T {
  const given = query.text(name)
  return given === '' ? codec.zero() : orZero(codec, parseJson(given), ROOT)
}

export interface BuildCall {
  request: BuildRequest
  /** Objects for skiff's client; otherwise Docker's lines. */
  events: boolean
  quiet: boolean
  /** Docker's --rm and --force-rm change nothing here: no step leaves a container. */
  remote: string
}

/** @throws InvalidParameter, NotImplemented */
export function decodeBuild(
  query: Query,
  header: string | string[] | undefined,
  pullImage: PullImage | null,
): BuildCall {
  refuse(query)
  const own = readExtension(header)
  const contexts = Object.entries(own.contexts).map(([name, { folder, image }]) => [
    name,
    image ? { image } : { folder },
  ])
  const request: BuildRequest = {
    dockerfile: query.text('dockerfile'),
    inlineDockerfile: own.dockerfile,
    tags: query.all('t').filter(tag => tag !== ''),
    buildArgs: jsonOf(query, 'buildargs', map(nullable(text))),
    labels: jsonOf(query, 'labels', map(text)),
    target: query.text('target'),
    noCache: query.flag('nocache'),
    pull: query.flag('pull'),
    cacheFrom: jsonOf(query, 'cachefrom', list(text)),
    platform: query.text('platform'),
    container: { config: containerConfig.zero(), host: hostOf(query) },
    keepSteps: !own.events,
    contexts: Object.fromEntries(contexts),
    contextFolder: own.contextFolder,
    contextIsClean: own.contextIsClean,
    secrets: Object.fromEntries(Object.entries(own.secrets).map(([id, value]) => [id, Buffer.from(value, 'base64')])),
    agents: own.agents,
    pullImage,
  }
  return { request, events: own.events, quiet: query.flag('q'), remote: query.text('remote') }
}

function refuse(query: Query): void {
  if (query.text('version') === '2') {
    throw new NotImplemented(
      'BuildKit is not served: build with DOCKER_BUILDKIT=0 docker build, with docker-compose, or with skiff build',
    )
  }
  if (query.flag('squash')) throw new NotImplemented('squash is not supported: build in stages instead')
  if (query.text('outputs') !== '') throw new NotImplemented('outputs is not supported: use skiff build --output')
  const isolation = query.text('isolation')
  if (isolation !== '' && isolation !== 'default') {
    throw new InvalidParameter(`Unsupported isolation: ${JSON.stringify(isolation)}`)
  }
}

function hostOf(query: Query): BuildRequest['container']['host'] {
  const number = (name: string): number | undefined => query.int(name, 0) || undefined
  const resources = {
    memoryBytes: number('memory'),
    memorySwapBytes: number('memswap'),
    cpuShares: number('cpushares'),
    cpuPeriodUs: number('cpuperiod'),
    cpuQuotaUs: number('cpuquota'),
    cpusetCpus: query.text('cpusetcpus') || undefined,
    cpusetMems: query.text('cpusetmems') || undefined,
  }
  return {
    ...hostConfig.zero(),
    networkMode: query.text('networkmode'),
    extraHosts: query.text('extrahosts') === '' ? [] : query.text('extrahosts').split(','),
    shmBytes: query.int('shmsize', 0),
    cgroupParent: query.text('cgroupparent'),
    securityOpt: jsonOf(query, 'securityopt', list(text)),
    ulimits: jsonOf(query, 'ulimits', list(ulimit)) as Ulimit[],
    // What was not asked for is left out.
    resources: Object.fromEntries(Object.entries(resources).filter(([, value]) => value !== undefined)),
  }
}

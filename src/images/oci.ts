/**
 * The JSON of images as OCI and Docker define it, and its translation to the domain's types: OCI image specification,
 * config.md, manifest.md, image-index.md, and Docker's image specification v1.2 (moby, image/spec). No other file knows these keys.
 */

import { InvalidParameter } from '../kernel/errors.ts'
import { isDigest } from './references.ts'
import type { DiffId, Digest, Healthcheck, HistoryEntry, ImageConfig } from './types.ts'

export const MEDIA_TYPE = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const

export interface Descriptor {
  mediaType: string
  digest: Digest
  size: number
  annotations?: Record<string, string>
  platform?: { architecture: string; os: string; variant?: string }
}

export interface Manifest {
  schemaVersion: 2
  mediaType?: string
  config: Descriptor
  layers: Descriptor[]
}

export interface Index {
  schemaVersion: 2
  mediaType?: string
  manifests: Descriptor[]
}

export interface OciHealthcheck {
  Test?: string[] | null
  Interval?: number
  Timeout?: number
  StartPeriod?: number
  StartInterval?: number
  Retries?: number
}

/** The `config` object. Absent, null and empty mean the same. */
export interface OciConfig {
  Hostname?: string
  Domainname?: string
  User?: string
  ExposedPorts?: Record<string, object> | null
  Tty?: boolean
  OpenStdin?: boolean
  Env?: string[] | null
  Cmd?: string[] | null
  Entrypoint?: string[] | null
  Volumes?: Record<string, object> | null
  WorkingDir?: string
  Labels?: Record<string, string> | null
  StopSignal?: string
  StopTimeout?: number
  Healthcheck?: OciHealthcheck | null
  Shell?: string[] | null
  OnBuild?: string[] | null
}

export interface OciHistory {
  created?: string
  created_by?: string
  author?: string
  comment?: string
  empty_layer?: boolean
}

/** The configuration blob, whose digest is the image's id. */
export interface OciImage {
  architecture: string
  variant?: string
  os: string
  'os.version'?: string
  created?: string
  author?: string
  comment?: string
  docker_version?: string
  config?: OciConfig | null
  rootfs: { type: string; diff_ids: DiffId[] | null }
  history?: OciHistory[] | null
}

/** @throws InvalidParameter unless these bytes are an image's configuration */
export function decodeImage(bytes: Uint8Array): OciImage {
  const value = decodeJson(bytes) as Partial<OciImage> | null
  const rootfs = value?.rootfs
  if (typeof value !== 'object' || value === null || typeof rootfs !== 'object' || rootfs === null) {
    throw new InvalidParameter('invalid image JSON, no RootFS key')
  }
  const diffIds: unknown = rootfs.diff_ids ?? []
  if (!Array.isArray(diffIds) || !diffIds.every(id => typeof id === 'string' && isDigest(id))) {
    throw new InvalidParameter('invalid image JSON, bad RootFS key')
  }
  return value as OciImage
}

export function decodeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (error) {
    throw new InvalidParameter(`invalid JSON: ${(error as Error).message}`, { cause: error })
  }
}

export function configFromOci(oci: OciConfig | null | undefined): ImageConfig {
  const config = oci ?? {}
  return {
    user: config.User ?? '',
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    env: config.Env ?? [],
    entrypoint: nonEmpty(config.Entrypoint),
    cmd: nonEmpty(config.Cmd),
    volumes: Object.keys(config.Volumes ?? {}),
    workingDir: config.WorkingDir ?? '',
    labels: config.Labels ?? {},
    stopSignal: config.StopSignal || undefined,
    stopTimeoutS: config.StopTimeout,
    healthcheck: config.Healthcheck ? healthcheckFromOci(config.Healthcheck) : undefined,
    shell: nonEmpty(config.Shell),
    onBuild: config.OnBuild ?? [],
    hostname: config.Hostname ?? '',
    domainname: config.Domainname ?? '',
    tty: config.Tty ?? false,
    openStdin: config.OpenStdin ?? false,
  }
}

const nonEmpty = (list: string[] | null | undefined): string[] | undefined => (list?.length ? list : undefined)

const healthcheckFromOci = (oci: OciHealthcheck): Healthcheck => ({
  test: oci.Test ?? [],
  intervalNs: oci.Interval ?? 0,
  timeoutNs: oci.Timeout ?? 0,
  startPeriodNs: oci.StartPeriod ?? 0,
  startIntervalNs: oci.StartInterval ?? 0,
  retries: oci.Retries ?? 0,
})

/** What is empty is left out: the specification's own configurations have no more than what is set. */
export function configToOci(config: ImageConfig): OciConfig {
  const oci: OciConfig = {}
  if (config.hostname !== '') oci.Hostname = config.hostname
  if (config.domainname !== '') oci.Domainname = config.domainname
  if (config.user !== '') oci.User = config.user
  if (config.exposedPorts.length > 0) oci.ExposedPorts = asSet(config.exposedPorts)
  if (config.tty) oci.Tty = true
  if (config.openStdin) oci.OpenStdin = true
  if (config.env.length > 0) oci.Env = config.env
  if (config.cmd !== undefined) oci.Cmd = config.cmd
  if (config.entrypoint !== undefined) oci.Entrypoint = config.entrypoint
  if (config.volumes.length > 0) oci.Volumes = asSet(config.volumes)
  if (config.workingDir !== '') oci.WorkingDir = config.workingDir
  if (Object.keys(config.labels).length > 0) oci.Labels = config.labels
  if (config.stopSignal !== undefined) oci.StopSignal = config.stopSignal
  if (config.stopTimeoutS !== undefined) oci.StopTimeout = config.stopTimeoutS
  if (config.healthcheck !== undefined) oci.Healthcheck = healthcheckToOci(config.healthcheck)
  if (config.shell !== undefined) oci.Shell = config.shell
  if (config.onBuild.length > 0) oci.OnBuild = config.onBuild
  return oci
}

const asSet = (keys: string[]): Record<string, object> => Object.fromEntries(keys.map(key => [key, {}]))

function healthcheckToOci(check: Healthcheck): OciHealthcheck {
  const oci: OciHealthcheck = {}
  if (check.test.length > 0) oci.Test = check.test
  if (check.intervalNs > 0) oci.Interval = check.intervalNs
  if (check.timeoutNs > 0) oci.Timeout = check.timeoutNs
  if (check.startPeriodNs > 0) oci.StartPeriod = check.startPeriodNs
  if (check.startIntervalNs > 0) oci.StartInterval = check.startIntervalNs
  if (check.retries > 0) oci.Retries = check.retries
  return oci
}

export const historyFromOci = (oci: OciHistory): HistoryEntry => ({
  created: oci.created,
  createdBy: oci.created_by ?? '',
  author: oci.author ?? '',
  comment: oci.comment ?? '',
  emptyLayer: oci.empty_layer ?? false,
})

export function historyToOci(entry: HistoryEntry): OciHistory {
  const oci: OciHistory = {}
  if (entry.created !== undefined) oci.created = entry.created
  if (entry.createdBy !== '') oci.created_by = entry.createdBy
  if (entry.author !== '') oci.author = entry.author
  if (entry.comment !== '') oci.comment = entry.comment
  if (entry.emptyLayer) oci.empty_layer = true
  return oci
}

/** A configuration without anything in it. */
export const EMPTY_CONFIG: ImageConfig = configFromOci({})

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' }

/** This machine, as images name it. */
export const thisArchitecture = (): string => ARCHITECTURES[process.arch] ?? process.arch

/**
 * Docker's container as skiff keeps it: what was asked for (config, host config), what is the case (state), and the
 * service that src/api talks to. camelCase here; Docker's PascalCase JSON is made and read in src/api alone.
 * What a field means is said in the Engine API reference (v1.47) under the same name; here stand units and skiff's additions.
 */

import type { Duplex, Readable } from 'node:stream'
import type { Resources } from '../cgroups/types.ts'
import type { Image } from '../images/types.ts'
import type { ContainerConfig, ContainerId, CreateRequest, EndpointConfig, ExecId, RestartPolicy } from './asked.ts'
import type { Container, ContainerSizes } from './described.ts'

export type * from './asked.ts'
export type * from './described.ts'

/** One condition per key; a container must meet every key and any of a key's values. Keys as `docker ps --filter` has them. */
export type Filters = Record<string, string[]>

export interface ListRequest {
  all: boolean
  /** Newest first; 0: no limit. */
  limit: number
  size: boolean
  filters: Filters
}

/**
 * The two ends of an attached client. Bytes are ready to be sent as they are: framed as Docker multiplexes them where
 * there is no terminal, raw where there is one.
 */
export interface AttachRequest {
  stdin: boolean
  stdout: boolean
  stderr: boolean
  /** Replay the log first. */
  logs: boolean
  /** Stay for what is to come. */
  stream: boolean
  /** As docker's --detach-keys: 'ctrl-p,ctrl-q'; '' for the daemon's default. */
  detachKeys: string
}

export interface LogsRequest {
  stdout: boolean
  stderr: boolean
  follow: boolean
  timestamps: boolean
  details: boolean
  /** Nanoseconds since the epoch; null: unbounded. */
  sinceNs: bigint | null
  untilNs: bigint | null
  /** null: all. */
  tail: number | null
}

export interface ExecConfig {
  argv: string[]
  env: string[]
  workingDir: string
  user: string
  privileged: boolean
  tty: boolean
  attachStdin: boolean
  attachStdout: boolean
  attachStderr: boolean
  detachKeys: string
  consoleSize: { rows: number; columns: number } | null
}

export interface Exec {
  id: ExecId
  containerId: ContainerId
  config: ExecConfig
  running: boolean
  exitCode: number | null
  pid: number
  canRemove: boolean
}

export interface CommitRequest {
  /** `repository[:tag]`; '' leaves the image without a name. */
  reference: string
  author: string
  message: string
  /** Dockerfile instructions. */
  changes: string[]
  /** Freeze the container while its files are read. */
  pause: boolean
  /** Goes before what the container was made with; null: nothing was said. */
  config: ContainerConfig | null
}

export interface WaitResult {
  statusCode: number
  error: string | null
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed'

/** The event stream's entry, before src/api puts it into Docker's JSON. */
export interface SkiffEvent {
  type: 'container' | 'image' | 'volume' | 'network' | 'daemon'
  action: string
  actorId: string
  attributes: Record<string, string>
  timeNs: bigint
}

/**
 * What the API can ask for. `ref` is a name, an id or an unambiguous beginning of an id; every method throws NotFound for
 * one that is none of them. Methods resolve when what they promise is the case and on disk.
 */
export interface ContainerService {
  create(request: CreateRequest): Promise<{ id: ContainerId; warnings: string[] }>
  list(request: ListRequest): Promise<{ container: Container; sizes: ContainerSizes | null }[]>
  inspect(ref: string): Promise<Container>
  sizes(ref: string): Promise<ContainerSizes>
  /** NotModified when it runs already. */
  start(ref: string, options: { detachKeys: string }): Promise<void>
  /** timeoutSeconds: null the container's own, -1 wait for ever, 0 kill at once. NotModified when it does not run. */
  stop(ref: string, options: { signal: string; timeoutSeconds: number | null }): Promise<void>
  restart(ref: string, options: { signal: string; timeoutSeconds: number | null }): Promise<void>
  kill(ref: string, signal: string): Promise<void>
  pause(ref: string): Promise<void>
  unpause(ref: string): Promise<void>
  rename(ref: string, name: string): Promise<void>
  update(ref: string, resources: Resources, restartPolicy: RestartPolicy | null): Promise<{ warnings: string[] }>
  remove(ref: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>
  /** Resolves at once (the condition counts from now) to a promise of the end; wrapped, since await would unwrap both. */
  wait(ref: string, condition: WaitCondition): Promise<{ end: Promise<WaitResult> }>
  resize(ref: string, rows: number, columns: number): Promise<void>
  /** ps(1)'s columns for the container's processes; psArgs as the user typed them, '-ef' by default. */
  top(ref: string, psArgs: string): Promise<{ titles: string[]; processes: string[][] }>
  /** Resolves when the attachment is in place: what the process writes from then on reaches the stream. */
  attach(ref: string, request: AttachRequest): Promise<Duplex>
  /** Ends when the log ends (follow: when the container stops). Framed unless the container has a terminal. */
  logs(ref: string, request: LogsRequest): Promise<{ stream: Readable; tty: boolean }>

  /** docker network connect and disconnect; `network` is a name or id. */
  connect(network: string, ref: string, endpoint: EndpointConfig): Promise<void>
  /** `force`: also of a container that does not exist, which is refused in other words. */
  disconnect(network: string, ref: string, options: { force: boolean }): Promise<void>

  commit(ref: string, request: CommitRequest): Promise<Image>
  /** Removes what does not run. Filters: until, label, label!. */
  prune(filters: Filters): Promise<{ removed: ContainerId[]; reclaimed: number }>

  createExec(ref: string, config: ExecConfig): Promise<ExecId>
  inspectExec(id: string): Promise<Exec>
  /**
   * Framed or raw by the `tty` given here. Resolves when the process runs (or, detached, null).
   * `beforeStart` is awaited when all that can be refused has been checked (NotFound, Conflict) and before the process is
   * started: the moment for the answer's header. What goes wrong after it can only be told in the stream.
   */
  startExec(
    id: string,
    options: {
      detach: boolean
      tty: boolean
      consoleSize: { rows: number; columns: number } | null
      beforeStart?: () => Promise<void>
    },
  ): Promise<Duplex | null>
  resizeExec(id: string, rows: number, columns: number): Promise<void>

  /** What skiff did, or would do for a request, step by step. */
  explain(ref: string, form: ExplainForm): Promise<string>
  explainRequest(request: CreateRequest, form: ExplainForm): Promise<string>
}

export type ExplainForm = 'text' | 'json' | 'sh'

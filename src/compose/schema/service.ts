/** Every key of a service. Source: compose-spec, 05-services.md and its JSON schema. */

import { build } from './build.ts'
import {
  bool,
  bytes,
  type Decoded,
  type Decoder,
  duration,
  fail,
  int,
  labels,
  list,
  mapOf,
  nanoseconds,
  natural,
  number,
  oneOf,
  only,
  orNothing,
  pairs,
  refused,
  string,
  stringOrList,
  struct,
  text,
  unique,
} from './decode.ts'
import { deploy } from './deploy.ts'
import { develop } from './develop.ts'
import { references } from './files.ts'
import { hooks } from './hooks.ts'
import { mounts } from './mounts.ts'
import { expose, ports } from './ports.ts'
import {
  blkio,
  dependencies,
  devices,
  envFiles,
  extraHosts,
  healthcheck,
  labelFiles,
  serviceNetworks,
  ulimits,
} from './service-parts.ts'
import { command } from './words.ts'

export const SECRETS_FOLDER = '/run/secrets'
export const CONFIGS_FOLDER = '/'

const WINDOWS = 'it is for Windows'

const restart: Decoder<string> = (node, path) => {
  const policy = node.kind === 'scalar' && node.value === false ? 'no' : string(node, path)
  return /^(no|always|unless-stopped|on-failure(:\d+)?)$/.test(policy)
    ? policy
    : fail(node, `${path}: invalid restart policy: unknown policy '${policy}'`)
}

const networkMode: Decoder<string> = (node, path) => {
  const mode = string(node, path)
  return /^(service|container):$/.test(mode) ? fail(node, `${path}: ${mode} must name a ${mode.slice(0, -1)}`) : mode
}

const pullPolicy: Decoder<string> = (node, path) => {
  const policy = string(node, path)
  if (/^(always|never|missing|if_not_present|build)$/.test(policy)) return policy
  if (/^(refresh|daily|weekly|every_.+)$/.test(policy))
    return refused('when an image was pulled is not recorded; use always or missing')(node, path)
  return fail(node, `${path} must be one of "always", "never", "missing", "if_not_present", "build"`)
}

/** Without `:tag` or with one; what the reference means, the engine checks. */
const image: Decoder<string> = (node, path) => string(node, path)

export const service = struct({
  annotations: labels,
  attach: bool,
  blkio_config: blkio,
  build,
  cap_add: unique(string),
  cap_drop: unique(string),
  cgroup: oneOf('host', 'private'),
  cgroup_parent: string,
  command,
  configs: references(CONFIGS_FOLDER),
  container_name: string,
  cpu_count: refused(WINDOWS),
  cpu_percent: refused(WINDOWS),
  cpu_period: micros,
  cpu_quota: int,
  cpu_rt_period: micros,
  cpu_rt_runtime: micros,
  cpu_shares: natural,
  cpus: number,
  cpuset: string,
  credential_spec: refused(WINDOWS),
  depends_on: dependencies,
  deploy,
  develop,
  device_cgroup_rules: unique(string),
  devices,
  dns: stringOrList,
  dns_opt: unique(string),
  dns_search: stringOrList,
  domainname: string,
  entrypoint: command,
  env_file: envFiles,
  environment: pairs,
  expose,
  external_links: list(string),
  extra_hosts: extraHosts,
  gpus: refused('give the device itself under `devices`'),
  group_add: list(text),
  healthcheck,
  hostname: string,
  image,
  init: bool,
  ipc: string,
  isolation: only(string, 'default', WINDOWS),
  label_file: labelFiles,
  labels,
  links: list(string),
  logging: struct({ driver: string, options: orNothing(mapOf(orNothing(text, '')), {}) }),
  mac_address: string,
  mem_limit: bytes,
  mem_reservation: bytes,
  mem_swappiness: natural,
  memswap_limit: bytes,
  models: refused('there is no model runner'),
  network_mode: networkMode,
  networks: serviceNetworks,
  oom_kill_disable: bool,
  oom_score_adj: int,
  pid: orNothing(string, ''),
  pids_limit: int,
  platform: string,
  ports,
  post_start: hooks,
  pre_stop: hooks,
  privileged: bool,
  profiles: unique(string),
  provider: refused('there are no provider plug-ins'),
  pull_policy: pullPolicy,
  pull_refresh_after: refused('when an image was pulled is not recorded'),
  read_only: bool,
  restart,
  runtime: string,
  scale: natural,
  secrets: references(SECRETS_FOLDER),
  security_opt: unique(string),
  shm_size: bytes,
  stdin_open: bool,
  stop_grace_period: duration,
  stop_signal: string,
  storage_opt: labels,
  sysctls: labels,
  tmpfs: stringOrList,
  tty: bool,
  ulimits,
  use_api_socket: refused('mount the socket as a volume'),
  user: text,
  userns_mode: string,
  uts: string,
  volumes: mounts,
  volumes_from: unique(string),
  working_dir: string,
})

/** A service in its long form, after its files have been merged. */
export type Service = Decoded<typeof service> & { name: string }

/** A number of microseconds, or a duration. */
function micros(node: Parameters<Decoder<number>>[0], path: string): number {
  if (node.kind === 'scalar' && /^\d+$/.test(node.text)) return Number(node.text)
  return Math.trunc(nanoseconds(duration(node, path)) / 1000)
}

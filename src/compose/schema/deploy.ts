/** `deploy`, as far as one engine alone can follow it. Source: compose-spec, deploy.md. */

import type { Node } from '../source/node.ts'
import {
  bytes,
  type Decoder,
  duration,
  int,
  labels,
  list,
  natural,
  number,
  oneOf,
  refused,
  string,
  struct,
} from './decode.ts'

/**
 * Where and in what order a swarm spreads its tasks. One engine has no choice to make: such keys change nothing here, and the
 * loader says so to the user.
 */
export const SWARM_ONLY = ['endpoint_mode', 'labels', 'placement', 'rollback_config', 'update_config'] as const

const update = struct({
  parallelism: natural,
  delay: duration,
  failure_action: string,
  monitor: duration,
  max_failure_ratio: number,
  order: oneOf('start-first', 'stop-first'),
})

const devices: Decoder<never> = (node: Node, path) => refused('give the device itself under `devices`')(node, path)

export const deploy = struct({
  endpoint_mode: string,
  labels,
  mode: oneOf('replicated', 'global', 'replicated-job', 'global-job'),
  placement: struct({
    constraints: list(string),
    preferences: list(struct({ spread: string })),
    max_replicas_per_node: natural,
  }),
  replicas: natural,
  resources: struct({
    limits: struct({ cpus: number, memory: bytes, pids: int, devices }),
    reservations: struct({
      /** A share of them when others want them too. */
      cpus: number,
      memory: bytes,
      devices,
      generic_resources: refused('they belong to a swarm'),
    }),
  }),
  restart_policy: struct({
    condition: oneOf('none', 'on-failure', 'any'),
    delay: duration,
    max_attempts: natural,
    window: duration,
  }),
  rollback_config: update,
  update_config: update,
})

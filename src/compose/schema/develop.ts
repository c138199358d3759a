/** `develop.watch`: what follows from changes of files while one works on a service. Source: compose-spec, develop.md. */

import { bool, type Decoded, list, oneOf, string, stringOrList, struct } from './decode.ts'
import { hook } from './hooks.ts'
import { file } from './paths.ts'

const rule = struct(
  {
    action: oneOf('rebuild', 'sync', 'restart', 'sync+restart', 'sync+exec'),
    exec: hook,
    ignore: stringOrList,
    include: stringOrList,
    initial_sync: bool,
    path: file,
    target: string,
  },
  ['action', 'path'],
)
export type WatchRule = Decoded<typeof rule>

export const develop = struct({ watch: list(rule) })

/** Networks and volumes of a project. Source: compose-spec, 06-networks.md and 07-volumes.md. */

import type { Node } from '../source/node.ts'
import {
  bool,
  type Decoded,
  type Decoder,
  fail,
  labels,
  list,
  mapOf,
  orNothing,
  string,
  struct,
  text,
} from './decode.ts'

/** `true`, or in older files the name itself. */
const external: Decoder<boolean | { name?: string }> = (node: Node, path: string) =>
  node.kind === 'map' ? struct({ name: string })(node, path) : bool(node, path)

const options = mapOf(text)

const networkFields = struct({
  attachable: bool,
  driver: string,
  driver_opts: options,
  enable_ipv4: bool,
  enable_ipv6: bool,
  external,
  internal: bool,
  ipam: struct({
    driver: string,
    config: list(struct({ subnet: string, ip_range: string, gateway: string, aux_addresses: mapOf(string) })),
    options: mapOf(string),
  }),
  labels,
  name: string,
})

const volumeFields = struct({ driver: string, driver_opts: options, external, labels, name: string })

/** The real name, and whether somebody else makes it. */
interface Named {
  name?: string
  external?: boolean
}
const named =
  <T extends { name?: string; external?: boolean | { name?: string } }>(
    decode: Decoder<T>,
  ): Decoder<Omit<T, 'external'> & Named> =>
  (node, path) => {
    const { external: written, ...rest } = orNothing(decode, {} as T)(node, path)
    if (written === undefined || written === false) return rest
    const allowed = new Set(['name', 'external'])
    const other = Object.keys(rest).find(key => !allowed.has(key) && !key.startsWith('x-'))
    if (other) return refusedBesideExternal(node, path, other)
    return { ...rest, external: true, ...(typeof written === 'object' && written.name && { name: written.name }) }
  }

const refusedBesideExternal = (node: Node, path: string, key: string): never =>
  fail(node, `${path}: conflicting parameters "external" and "${key}" specified`)

export const network = named(networkFields)
export const volume = named(volumeFields)
export type Network = Decoded<typeof network> & { name: string }
export type Volume = Decoded<typeof volume> & { name: string }

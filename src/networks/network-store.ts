/** The networks that exist, as files: networks/ID.json under the data-root, readable with cat. */

import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTemporaries, syncFolder, writeAtomically } from '../kernel/atomic-file.ts'
import { Conflict, InvalidParameter, NotFound } from '../kernel/errors.ts'
import { isObject, type Salvage } from '../kernel/salvage.ts'
import type { Network, NetworkId } from './types.ts'

/** What is kept: everything but who is connected, which the containers know. */
export interface StoredNetwork extends Omit<Network, 'containers'> {
  /** The user named a subnet: then, and only then, containers may ask for addresses of it. */
  configuredSubnets: boolean
}

export const nameTaken = (name: string): Conflict => new Conflict(`network with name ${name} already exists`)

export class NetworkStore {
  private readonly networks = new Map<string, StoredNetwork>()

  private constructor(private readonly folder: string) {}

  static async open(folder: string, salvage: Salvage): Promise<NetworkStore> {
    const store = new NetworkStore(folder)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await removeTemporaries(folder)
    for (const name of await readdir(folder)) {
      if (!name.endsWith('.json')) continue
      const isOwn = (value: unknown): value is StoredNetwork => isNetwork(value) && `${value.id}.json` === name
      const network = await salvage.read(join(folder, name), isOwn, 'the network is lost: create it again')
      if (network !== undefined) store.networks.set(network.id, network)
    }
    return store
  }

  /** The oldest first, whichever daemon made them. */
  all(): StoredNetwork[] {
    return [...this.networks.values()].sort((a, b) => order(a, b))
  }

  get(id: string): StoredNetwork | undefined {
    return this.networks.get(id)
  }

  /** By id, by name, then by the beginning of an id. @throws NotFound, InvalidParameter if several begin like this */
  find(ref: string): StoredNetwork {
    const exact = this.networks.get(ref) ?? this.named(ref)
    if (exact) return exact
    const similar = ref === '' ? [] : this.all().filter(network => network.id.startsWith(ref))
    if (similar.length > 1)
      throw new InvalidParameter(`network ${ref} is ambiguous (${similar.length} matches found based on ID prefix)`)
    if (!similar[0]) throw new NotFound(`network ${ref} not found`)
    return similar[0]
  }

  named(name: string): StoredNetwork | undefined {
    return this.all().find(network => network.name === name)
  }

  /** Survives a power cut when it resolves. @throws Conflict for a name in use */
  async add(network: StoredNetwork): Promise<void> {
    if (this.named(network.name)) throw nameTaken(network.name)
    // The name is taken before the file is written, so that of two requests at once one fails.
    this.networks.set(network.id, network)
    try {
      await writeAtomically(this.path(network.id), `${JSON.stringify(network, null, 2)}\n`, { durable: true })
    } catch (error) {
      this.networks.delete(network.id)
      throw error
    }
  }

  /** It is not found any more from the call on. */
  async remove(id: NetworkId): Promise<void> {
    this.networks.delete(id)
    await rm(this.path(id), { force: true })
    await syncFolder(this.folder)
  }

  private path(id: NetworkId): string {
    return join(this.folder, `${id}.json`)
  }
}

const isNetwork = (value: unknown): value is StoredNetwork =>
  isObject(value) &&
  [value.id, value.name, value.driver, value.created].every(field => typeof field === 'string') &&
  isObject(value.options) &&
  isObject(value.labels) &&
  isObject(value.ipam) &&
  Array.isArray(value.ipam.config)

const order = (a: StoredNetwork, b: StoredNetwork): number =>
  a.created === b.created ? (a.name < b.name ? -1 : 1) : a.created < b.created ? -1 : 1

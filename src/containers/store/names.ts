/** Who is called what. A name belongs to one container at a time, from the moment its creation begins. */

import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import type { ContainerId } from '../types.ts'
import { randomName } from './random-name.ts'

const ALLOWED = '[a-zA-Z0-9][a-zA-Z0-9_.-]'
const NAME = new RegExp(`^${ALLOWED}+$`)

/** A name as a user gave it, with or without the leading slash. @throws InvalidParameter */
export function checkName(given: string): string {
  const name = given.startsWith('/') ? given.slice(1) : given
  if (!NAME.test(name)) throw new InvalidParameter(`Invalid container name (${given}), only ${ALLOWED} are allowed`)
  return name
}

export class Names {
  readonly #owners = new Map<string, ContainerId>()

  owner(name: string): ContainerId | undefined {
    return this.#owners.get(name)
  }

  /** @throws Conflict if somebody else is called that. */
  reserve(name: string, id: ContainerId): void {
    const owner = this.#owners.get(name)
    if (owner !== undefined && owner !== id) {
      throw new Conflict(
        `Conflict. The container name "/${name}" is already in use by container "${owner}". ` +
          'You have to remove (or rename) that container to be able to reuse that name.',
      )
    }
    this.#owners.set(name, id)
  }

  /** A free name of our own choosing. */
  reserveRandom(id: ContainerId): string {
    for (let attempt = 0; attempt < 100; attempt++) {
      const name = randomName(attempt)
      if (this.#owners.has(name)) continue
      this.#owners.set(name, id)
      return name
    }
    // So many containers that our words do not suffice: Docker falls back on the id, too.
    const name = id.slice(0, 12)
    this.#owners.set(name, id)
    return name
  }

  /** Nothing happens if the name is another container's by now. */
  release(name: string, id: ContainerId): void {
    if (this.#owners.get(name) === id) this.#owners.delete(name)
  }

  /** Every name of a container. */
  of(id: ContainerId): string[] {
    return [...this.#owners].filter(([, owner]) => owner === id).map(([name]) => name)
  }
}

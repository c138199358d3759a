/** Names of stacks of layers. */

import { createHash } from 'node:crypto'
import type { ChainId, DiffId } from './types.ts'

/** OCI image specification, config.md, "Layer ChainID". */
export const chainIdOf = (parent: ChainId | undefined, diffId: DiffId): ChainId =>
  (parent === undefined
    ? diffId
    : `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`) as string as ChainId

/** All chains of a stack of layers, lowest first. */
export function chainIdsOf(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = []
  for (const diffId of diffIds) chain.push(chainIdOf(chain.at(-1), diffId))
  return chain
}

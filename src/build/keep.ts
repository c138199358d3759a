/** An image of what a stage has come to. */

import type { ImageId } from '../images/types.ts'
import type { State } from './state.ts'
import type { Workshop } from './workshop.ts'

export async function keepState(
  { context }: Pick<Workshop, 'context'>,
  state: State,
  parent?: ImageId,
): Promise<ImageId> {
  if (state.image !== undefined) return state.image
  const { id } = await context.rooms.images.compose({ ...state, parent })
  return id
}

/** Images of what a stage has come to: of the end, and for Docker's classic builder of each step. */

import { composedId } from '../images/create.ts'
import type { ComposeOptions, ImageId } from '../images/types.ts'
import type { State } from './state.ts'
import type { Rooms } from './workshop.ts'

export class Keeper {
  readonly #rooms: Pick<Rooms, 'context'>
  /** They are made with the image that they lead to, or with the one that a failed build leaves. */
  readonly #steps: ComposeOptions[] = []

  constructor(rooms: Pick<Rooms, 'context'>) {
    this.#rooms = rooms
  }

  /** The id of the image that this step will be. */
  step(state: State, parent: ImageId | undefined): ImageId {
    if (state.image !== undefined) return state.image
    const options = { ...state, parent }
    this.#steps.push(options)
    return composedId(options)
  }

  /** `names`: the image's, if it is made here and now. */
  async keep(state: State, names: readonly string[] = []): Promise<ImageId> {
    const { images } = this.#rooms.context.rooms
    const steps = this.#steps.splice(0)
    // The state's own image is the last of its steps, with the right parent, or one that was there before.
    const own = steps.find(step => composedId(step) === state.image)
    if (own === undefined && state.image !== undefined && steps.length === 0) return state.image
    if (own === undefined && state.image !== undefined) {
      const [last] = steps.splice(-1)
      if (last !== undefined) await images.compose(last, steps, [])
      return state.image
    }
    const { id } = await images.compose(
      own ?? { ...state, parent: undefined },
      steps.filter(step => step !== own),
      names,
    )
    return id
  }
}

/**
 * Requests for which the kernel takes its time, made by another thread and one after the other: the event loop waits for none of them.
 * What is asked for while the thread is busy goes to it together: where many containers start at once, each would otherwise wait
 * for a turn of the loop per request of those before it.
 */

import type { KernelError } from '../kernel/errors.ts'
import type { Request } from '../netlink/codec.ts'
import { NetlinkSocket } from '../netlink/socket.ts'

interface Waiting {
  request: Request
  resolve(error: KernelError | null): void
  reject(error: unknown): void
}

export class BackgroundNetlink {
  readonly #socket = NetlinkSocket.open()
  readonly #waiting: Waiting[] = []
  #isBusy = false

  /** What became of each, as NetlinkSocket.attempt tells it. */
  attempt(...requests: Request[]): Promise<(KernelError | null)[]> {
    const answers = requests.map(
      request => new Promise<KernelError | null>((resolve, reject) => this.#waiting.push({ request, resolve, reject })),
    )
    if (!this.#isBusy) void this.#send()
    return Promise.all(answers)
  }

  async #send(): Promise<void> {
    this.#isBusy = true
    while (this.#waiting.length > 0) {
      const sent = this.#waiting.splice(0)
      try {
        const results = await this.#socket.attemptInBackground(...sent.map(({ request }) => request))
        for (const [index, { resolve }] of sent.entries()) resolve(results[index] ?? null)
      } catch (error) {
        for (const { reject } of sent) reject(error)
      }
    }
    this.#isBusy = false
  }
}

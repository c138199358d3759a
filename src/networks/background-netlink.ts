/** Requests for which the kernel takes milliseconds, on a thread of their own and one after the other: nobody's start waits for them. */

import type { KernelError } from '../kernel/errors.ts'
import type { Request } from '../netlink/codec.ts'
import { NetlinkSocket } from '../netlink/socket.ts'

export class BackgroundNetlink {
  private readonly socket = NetlinkSocket.open()
  private last: Promise<unknown> = Promise.resolve()

  /** What became of each, as NetlinkSocket.attempt tells it. */
  attempt(...requests: Request[]): Promise<(KernelError | null)[]> {
    const done = this.last.then(() => this.socket.attemptInBackground(...requests))
    this.last = done.catch(() => {})
    return done
  }
}

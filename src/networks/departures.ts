/**
 * Wires of containers that have ended. A namespace goes when its last process and descriptor are gone, and the kernel takes its time:
 * until then it would still answer for an address that somebody else has by then. So its port of the bridge falls silent at once,
 * and only then its address is free. What is still there a while later, since another container shares the namespace, is taken away.
 */

import { deleteLink, silenceBridgePort } from '../netlink/link.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'
import type { BackgroundNetlink } from './background-netlink.ts'

const SWEEP_AFTER_MS = 1000

export class Departures {
  private readonly silent = new Set<string>()
  private timer: NodeJS.Timeout | null = null

  /** @param quick for what is waited for @param slow for what is not */
  constructor(
    private readonly host: NetlinkSocket,
    private readonly quick: BackgroundNetlink,
    private readonly slow: BackgroundNetlink,
  ) {}

  /** When it resolves nobody is reached by these interfaces of the host any more. */
  async silence(hostInterfaces: readonly string[]): Promise<void> {
    for (const name of hostInterfaces) this.silent.add(name)
    if (this.silent.size > 0) this.timer ??= setTimeout(() => this.sweep(), SWEEP_AFTER_MS).unref()
    // One that is gone already: the better.
    await this.quick.attempt(...hostInterfaces.map(silenceBridgePort))
  }

  /** The daemon ends: whoever is silent goes now. */
  close(): void {
    if (this.timer) clearTimeout(this.timer)
    this.host.attempt(...this.take())
  }

  private sweep(): void {
    this.timer = null
    void this.slow.attempt(...this.take())
  }

  private take() {
    const names = [...this.silent]
    this.silent.clear()
    return names.map(deleteLink)
  }
}

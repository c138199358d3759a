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

  constructor(
    private readonly host: NetlinkSocket,
    private readonly background: BackgroundNetlink,
  ) {}

  /** From here on nobody is reached by these interfaces of the host. */
  silence(hostInterfaces: readonly string[]): void {
    // Gone already: the better.
    this.host.attempt(...hostInterfaces.map(silenceBridgePort))
    for (const name of hostInterfaces) this.silent.add(name)
    if (this.silent.size > 0) this.timer ??= setTimeout(() => this.sweep(), SWEEP_AFTER_MS).unref()
  }

  /** The daemon ends: whoever is silent goes now. */
  close(): void {
    if (this.timer) clearTimeout(this.timer)
    this.host.attempt(...this.take())
  }

  private sweep(): void {
    this.timer = null
    void this.background.attempt(...this.take())
  }

  private take() {
    const names = [...this.silent]
    this.silent.clear()
    return names.map(deleteLink)
  }
}

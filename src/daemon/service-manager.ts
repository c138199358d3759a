/** What systemd is told, and what it gives. sd_notify(3), sd_listen_fds(3) */

import { sendDatagram } from '../kernel/sockets.ts'

type State = 'READY=1' | 'STOPPING=1'

/** Nothing happens without a service manager. @throws KernelError when it cannot be reached */
export function notify(state: State, status: string, env: NodeJS.ProcessEnv = process.env): void {
  const { NOTIFY_SOCKET } = env
  if (!NOTIFY_SOCKET) return
  sendDatagram(NOTIFY_SOCKET, Buffer.from(`${state}\nSTATUS=${status}\nMAINPID=${process.pid}\n`))
}

const FIRST_PASSED_FD = 3

/** The listening sockets that were passed to this very process. */
export function passedSockets({ LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv = process.env): number[] {
  const count = Number(LISTEN_PID) === process.pid ? Number(LISTEN_FDS ?? '0') : 0
  return Array.from({ length: count }, (_, index) => FIRST_PASSED_FD + index)
}

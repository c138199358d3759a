/** Names, and the loopback interface of a network that is new. */

import { call } from '../../program/calls.ts'
import { AF, hex, IOCTL, SOCK } from '../../program/flags.ts'
import { word } from '../../program/shell.ts'
import type { Step } from '../../program/step.ts'
import { interfaceFlags } from '../../program/syscall-structs.ts'
import type { ContainerContext } from './context.ts'

const IFF_UP = { ...hex(0x1), shown: 'IFF_UP' }

export function nameHost({ spec }: ContainerContext): Step[] {
  // In a UTS namespace of others the names are theirs.
  if (spec.namespaces.uts.kind !== 'new') return []
  const steps: Step[] = []
  if (spec.hostname !== '') {
    steps.push({
      ...call.sethostname({ name: spec.hostname, len: Buffer.byteLength(spec.hostname) }),
      why: 'the UTS namespace is new: the host keeps its name',
      shell: `hostname ${word(spec.hostname)}`,
    })
  }
  if (spec.domainname !== '') {
    steps.push({
      ...call.setdomainname({ name: spec.domainname, len: Buffer.byteLength(spec.domainname) }),
      why: 'its NIS domain name, which few still use',
      shell: `echo ${word(spec.domainname)} >/proc/sys/kernel/domainname`,
    })
  }
  return steps
}

export function raiseLoopback({ spec, slots }: ContainerContext): Step[] {
  if (spec.namespaces.network.kind !== 'new') return []
  const socket = slots.named('socket')
  return [
    {
      ...call.socket({ domain: AF('AF_INET'), type: SOCK('SOCK_DGRAM', 'SOCK_CLOEXEC'), protocol: 0 }),
      result: socket,
      why: 'any socket is a handle on the network namespace',
    },
    {
      ...call.ioctl({ fd: socket, op: IOCTL('SIOCSIFFLAGS'), argp: interfaceFlags('lo', IFF_UP) }),
      why: 'a new network has a loopback, but it is down',
      man: 'netdevice(7)',
      shell: 'ip link set lo up',
    },
  ]
}

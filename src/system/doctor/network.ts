/** Whether containers can have networks: links, addresses, the firewall. Tried in a namespace that is thrown away. */

import { accessSync, closeSync, constants, existsSync } from 'node:fs'
import { release } from 'node:os'
import { KernelError, Unavailable } from '../../kernel/errors.ts'
import { makeNetworkNamespace } from '../../kernel/namespaces.ts'
import { Nftables, NftablesError } from '../../kernel/nftables.ts'
import { addBridge, addVeth } from '../../netlink/link.ts'
import { NetlinkSocket } from '../../netlink/socket.ts'
import { foreignForwardDrops } from '../../networks/firewall.ts'
import { networking } from '../host.ts'
import { type Finding, ok, problem, type Subject, warning } from './finding.ts'

export async function examineNetwork(subject: Subject): Promise<Finding[]> {
  if (subject.bridge === 'none') return [ok('network', 'no bridges are wanted (--bridge none)')]
  return [links(), ...firewall(subject), ...settings(), await forwarding()]
}

function links(): Finding {
  try {
    const [netns, other] = [makeNetworkNamespace(), makeNetworkNamespace()]
    try {
      using socket = NetlinkSocket.openIn(netns)
      socket.request(addBridge('br0'))
      socket.request(addVeth({ host: 'veth0', guest: 'eth0', guestNetns: other }))
    } finally {
      closeSync(netns)
      closeSync(other)
    }
    return ok('network', 'bridges and veth pairs can be made')
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    return problem('network', {
      found: `a bridge with a veth pair cannot be made: ${error.message}`,
      consequence: 'containers can use --network host and none only',
      remedy: existsSync(`/lib/modules/${release()}`)
        ? 'modprobe bridge; modprobe veth'
        : 'use a kernel with CONFIG_BRIDGE and CONFIG_VETH',
    })
  }
}

function firewall(subject: Subject): Finding[] {
  try {
    const nftables = new Nftables()
    try {
      return [ok('firewall', 'nftables can be used'), ...drops(nftables, subject)]
    } finally {
      nftables.close()
    }
  } catch (error) {
    if (error instanceof Unavailable) {
      return [
        problem('firewall', {
          found: error.message,
          consequence: 'no ports can be published, and containers do not reach other machines',
          remedy: 'apt-get install libnftables1, dnf install nftables',
        }),
      ]
    }
    if (!(error instanceof NftablesError)) throw error
    return [
      problem('firewall', {
        found: `nftables cannot be used: ${error.message}`,
        consequence: 'no ports can be published, and containers do not reach other machines',
        remedy: 'modprobe nf_tables nft_chain_nat, or use a kernel with CONFIG_NF_TABLES',
      }),
    ]
  }
}

/** What a packet needs in a foreign chain, whichever way it goes: our own table cannot overrule another's drop. nft(8) */
const acceptances = (bridge: string): string[] =>
  [bridge, 'br-*'].flatMap(name => [`iifname "${name}" accept`, `oifname "${name}" accept`])

function drops(nftables: Nftables, { table, bridge }: Subject): Finding[] {
  return foreignForwardDrops(nftables.run('list chains'), table).flatMap(chain => {
    const rules = nftables.run(`list chain ${chain}`)
    const absent = acceptances(bridge).filter(rule => !rules.includes(rule))
    if (absent.length === 0) return [ok('firewall', `the chain ${chain} lets our bridges through`)]
    return problem('firewall', {
      found: `the chain ${chain} drops what is forwarded and not accepted there (firewalld, ufw and Docker set such a policy)`,
      consequence: 'containers on bridges do not reach other machines, nor do those reach published ports',
      remedy: absent.map(rule => `nft 'insert rule ${chain} ${rule}'`).join('; '),
    })
  })
}

/** A bridge needs some of its own (src/networks/bridge.ts). A container that is not privileged has /proc/sys read-only. */
function settings(): Finding[] {
  try {
    accessSync('/proc/sys/net/ipv4/ip_forward', constants.W_OK)
    return []
  } catch (error) {
    return [
      problem('settings', {
        found: `the network's settings in /proc/sys cannot be written: ${(error as NodeJS.ErrnoException).code}`,
        consequence: 'no bridge can be made: containers have loopback only, or --network host',
        remedy: 'mount -o remount,bind,rw /proc/sys; skiff in a container needs --privileged',
      }),
    ]
  }
}

async function forwarding(): Promise<Finding> {
  const { ipv4Forwarding } = await networking()
  if (ipv4Forwarding) return ok('forwarding', 'the host forwards IPv4')
  return warning('forwarding', {
    found: 'the host does not forward IPv4',
    consequence: 'skiffd switches it on when it makes its first bridge; what switches it off again cuts containers off',
    remedy: 'sysctl -w net.ipv4.ip_forward=1',
  })
}

/** The network's part of an explanation as text. */

import type { ExplainedNetwork } from './types.ts'

/** @param otherwise what to say of a container that has no interfaces of its own, or none yet */
export function networkText(network: ExplainedNetwork | null, otherwise: string): string[] {
  if (network === null) return [`  ${otherwise}`]
  const interfaces = network.interfaces.flatMap(link => {
    const wire =
      link.peer === null ? '' : ` <-> ${link.peer.name} (${link.peer.index}) in bridge ${link.bridge} on the host`
    return [
      `  ${link.network} (${link.driver}): ${link.name} (${link.index})${wire}`,
      `    ${[...link.addresses, link.mac, `mtu ${link.mtu}`].join('  ')}`,
    ]
  })
  const commands = network.commands.flatMap(({ where, command, why, man }) => [
    `  ${where === 'host' ? '' : 'nsenter --net=NETNS '}${command}`,
    `      # ${why} — ${man}`,
  ])
  return [
    ...interfaces,
    ...network.routes.map(route => `  route ${route}`),
    '',
    'by hand (NETNS: /proc/PID/ns/net of the container)',
    ...commands,
  ]
}

/** `userns-remap` and `--userns=host`. Reference: dockerd(1), "userns-remap", and its known restrictions. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { type IdMap, toOutside } from '../../kernel/namespaces.ts'
import type { UserNamespace } from '../../runtime/spec.ts'
import type { ContainerDefaults } from '../context.ts'
import type { HostConfig } from '../types.ts'

type Defaults = Pick<ContainerDefaults, 'userNamespace'>

/** The one that a container begins in; null: the host's. */
export const userNamespaceOf = (
  { userNamespace }: Defaults,
  { usernsMode }: Pick<HostConfig, 'usernsMode'>,
): UserNamespace | null => (usernsMode === 'host' ? null : userNamespace)

/** What only the host's root can have. @throws InvalidParameter in Docker's words */
export function refuseInUserNamespace(defaults: Defaults, host: HostConfig): void {
  if (userNamespaceOf(defaults, host) === null) return
  if (host.privileged) {
    throw new InvalidParameter(
      'privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode',
    )
  }
  if (host.networkMode === 'host') {
    throw new InvalidParameter("cannot share the host's network namespace when user namespaces are enabled")
  }
  if (host.pidMode === 'host') {
    throw new InvalidParameter('cannot share the host PID namespace when user namespaces are enabled')
  }
}

/** tmpfs is made by the host's root: `uid=` and `gid=` are for its ears. */
export function mapTmpfsOptions(options: readonly string[], map: IdMap | undefined): string[] {
  if (map === undefined) return [...options]
  return options.map(option => {
    const [, kind, id] = /^(uid|gid)=(\d+)$/.exec(option) ?? []
    if (kind === undefined) return option
    const outside = toOutside(kind === 'uid' ? map.uids : map.gids, Number(id))
    if (outside === undefined) throw new InvalidParameter(`tmpfs option ${option}: beyond the range of userns-remap`)
    return `${kind}=${outside}`
  })
}

/** `--link` on the default bridge: which containers it means, and when it is refused. The further names it gives are in ../links.ts. */

import { Conflict, InvalidParameter, NotFound } from '../../kernel/errors.ts'
import type { Context } from '../context.ts'
import { parseLink } from '../links.ts'
import type { LiveContainer } from '../live.ts'
import type { ConfigRecord } from '../store/record.ts'

type Linking = Pick<ConfigRecord, 'name' | 'hostConfig'>

export interface LinkTarget {
  target: LiveContainer
  alias: string
}

/** The containers that exist at this moment; a link whose target was removed means nothing any more. */
export const linkedTo = (context: Context, { hostConfig }: Linking): LinkTarget[] =>
  hostConfig.links.flatMap(link => {
    const { ref, alias } = parseLink(link)
    try {
      return [{ target: context.find(ref), alias }]
    } catch (error) {
      if (error instanceof NotFound || error instanceof InvalidParameter) return []
      throw error
    }
  })

/** At create. @throws InvalidParameter `could not get container for x` */
export function checkLinks(context: Context, { hostConfig }: Linking): void {
  for (const { ref } of hostConfig.links.map(parseLink)) {
    try {
      context.find(ref)
    } catch (error) {
      throw new InvalidParameter(`could not get container for ${ref}: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** At start: an address that nobody has cannot be told. @throws Conflict */
export function refuseIdleTargets(context: Context, linking: Linking): void {
  for (const { target, alias } of linksOnBridge(context, linking)) {
    if (target.process === null)
      throw new Conflict(`Cannot link to a non running container: /${target.config.name} AS /${linking.name}/${alias}`)
    if (!target.state.network.endpoints.bridge)
      throw new Conflict(`Cannot link to /${target.config.name}, as it does not belong to the default network`)
  }
}

/** On networks of users a link is another name and nothing more. */
export const linksOnBridge = (context: Context, linking: Linking): LinkTarget[] =>
  ['bridge', 'default', ''].includes(linking.hostConfig.networkMode) ? linkedTo(context, linking) : []

/** Events. Engine API reference, "EventMessage". */

import type { SkiffEvent } from '../../containers/types.ts'

/** One line. The nanoseconds are more than a JavaScript number holds, so they are put in as digits. */
export function encodeEvent({ type, action, actorId, attributes, timeNs }: SkiffEvent): string {
  const event = {
    // The names that events had before they had types; clients still read them.
    ...((type === 'container' || type === 'image') && { status: action, id: actorId }),
    ...(type === 'container' && attributes.image !== undefined && { from: attributes.image }),
    Type: type,
    Action: action,
    Actor: { ID: actorId, Attributes: attributes },
    scope: 'local',
    time: Number(timeNs / 1_000_000_000n),
  }
  return `${JSON.stringify(event).slice(0, -1)},"timeNano":${timeNs}}\n`
}

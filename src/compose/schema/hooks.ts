/** Commands that are run in a service's containers after their start and before their stop. Source: compose-spec, "post_start". */

import { bool, type Decoded, list, pairs, string, struct, text } from './decode.ts'
import { command } from './words.ts'

export const hook = struct({ command, user: text, privileged: bool, working_dir: string, environment: pairs }, [
  'command',
])
export const hooks = list(hook)
export type Hook = Decoded<typeof hook>

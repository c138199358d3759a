/** The programs of this checkout, as a user starts them. */

import { fileURLToPath } from 'node:url'

export const SKIFF = fileURLToPath(new URL('../../bin/skiff', import.meta.url))
export const SKIFFD = fileURLToPath(new URL('../../bin/skiffd', import.meta.url))

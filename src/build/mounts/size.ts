/** `64m`, `1GiB`: as Docker reads sizes, in units of 1024. */

import { InvalidParameter } from '../../kernel/errors.ts'

const POWERS = 'bkmgtp'

/** In bytes. @throws InvalidParameter */
export function parseSize(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s?([kmgtp]?)(?:i?b)?$/i.exec(text) ?? []
  if (amount === undefined) throw new InvalidParameter(`invalid size: '${text}'`)
  return Math.floor(Number(amount) * 1024 ** Math.max(POWERS.indexOf(unit.toLowerCase() || 'b'), 0))
}

/** Signals by name and number, as kill(1) and Docker take them. See signal(7). */

import { constants } from 'node:os'
import { InvalidParameter } from '../kernel/errors.ts'

const RTMIN = 34
const RTMAX = 64

const NUMBERS = new Map<string, number>(Object.entries(constants.signals))

/** 'SIGTERM', 'term', '15', 'SIGRTMIN+3'. @throws InvalidParameter `Invalid signal: x` */
export function signalNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : byName(text.toUpperCase())
  if (number === undefined || number < 1 || number > RTMAX) throw new InvalidParameter(`Invalid signal: ${text}`)
  return number
}

function byName(upper: string): number | undefined {
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`
  const realtime = /^SIGRTM(IN|AX)(?:([+-])(\d{1,2}))?$/.exec(name)
  if (realtime === null) return NUMBERS.get(name)
  const base = realtime[1] === 'IN' ? RTMIN : RTMAX
  const number = base + Number(`${realtime[2] ?? '+'}${realtime[3] ?? '0'}`)
  return number >= RTMIN && number <= RTMAX ? number : undefined
}

export const SIGKILL = 9
export const SIGTERM = 15

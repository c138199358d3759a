/** Options of networks (`network create -o`): which there are, and what they may say. In the words that Docker has for what is wrong. */

import { isIPv4 } from 'node:net'
import { booleanOf } from '../kernel/booleans.ts'
import { InvalidParameter } from '../kernel/errors.ts'
import { MACVLAN_MODES } from '../netlink/link.ts'
import type { NetworkRequest } from './types.ts'

/** Options of the bridge driver, by their Docker names. */
export const BRIDGE_OPTION = {
  NAME: 'com.docker.network.bridge.name',
  MASQUERADE: 'com.docker.network.bridge.enable_ip_masquerade',
  ICC: 'com.docker.network.bridge.enable_icc',
  HOST_BINDING: 'com.docker.network.bridge.host_binding_ipv4',
  DEFAULT_BRIDGE: 'com.docker.network.bridge.default_bridge',
  MTU: 'com.docker.network.driver.mtu',
} as const

export const MACVLAN_OPTION = { PARENT: 'parent', MODE: 'macvlan_mode' } as const

const KNOWN: Record<string, ReadonlySet<string>> = {
  bridge: new Set(Object.values(BRIDGE_OPTION)),
  macvlan: new Set([...Object.values(MACVLAN_OPTION), BRIDGE_OPTION.MTU]),
}

type Options = Readonly<Record<string, string>>

/** Whether an option that is on by default has been switched off. */
export const isOff = ({ options }: { options: Options }, option: string): boolean =>
  booleanOf(options[option] ?? '') === false

/** @throws InvalidParameter */
export function checkOptions({ driver, options }: Pick<NetworkRequest, 'driver' | 'options'>): void {
  const unknown = Object.keys(options).find(option => !KNOWN[driver]?.has(option))
  if (unknown !== undefined) throw new InvalidParameter(`unknown option "${unknown}" for driver "${driver}"`)
  checkMtu(options[BRIDGE_OPTION.MTU])
  if (driver === 'macvlan') checkMacvlan(options)
  else checkBridge(options)
}

function checkBridge(options: Options): void {
  checkInterfaceName(options[BRIDGE_OPTION.NAME])
  const binding = options[BRIDGE_OPTION.HOST_BINDING]
  if (binding !== undefined && !isIPv4(binding)) throw unparsable(BRIDGE_OPTION.HOST_BINDING, binding, 'nil ip')
  for (const option of [BRIDGE_OPTION.ICC, BRIDGE_OPTION.MASQUERADE]) {
    const value = options[option]
    if (value !== undefined && booleanOf(value) === undefined)
      throw unparsable(option, value, notParsed('ParseBool', value))
  }
}

const unparsable = (option: string, value: string, reason: string): InvalidParameter =>
  new InvalidParameter(`failed to parse ${option} value: ${value} (${reason})`)

const notParsed = (parser: string, value: string): string => `strconv.${parser}: parsing "${value}": invalid syntax`

const MIN_MTU = 68
const MAX_MTU = 65535

function checkMtu(text: string | undefined): void {
  if (text === undefined) return
  if (!/^[+-]?\d+$/.test(text)) throw unparsable(BRIDGE_OPTION.MTU, text, notParsed('Atoi', text))
  if (!(Number(text) >= MIN_MTU && Number(text) <= MAX_MTU)) throw new InvalidParameter(`invalid MTU number: ${text}`)
}

const MAX_NAME = 15

/** What the kernel's dev_valid_name() takes. */
function checkInterfaceName(name: string | undefined): void {
  if (name === undefined) return
  if (name === '' || Buffer.byteLength(name) > MAX_NAME)
    throw new InvalidParameter(`invalid bridge name "${name}": an interface name has 1 to ${MAX_NAME} bytes`)
  if (/[/:\s]/.test(name) || name === '.' || name === '..')
    throw new InvalidParameter(`invalid bridge name "${name}": it holds what no interface name may`)
}

function checkMacvlan(options: Options): void {
  const mode = options[MACVLAN_OPTION.MODE] ?? ''
  if (mode !== '' && !Object.hasOwn(MACVLAN_MODES, mode))
    throw new InvalidParameter(
      `requested macvlan mode '${mode}' is not valid, 'bridge' mode is the macvlan driver default`,
    )
  const parent = options[MACVLAN_OPTION.PARENT] ?? ''
  if (Buffer.byteLength(parent) > MAX_NAME)
    throw new InvalidParameter(`-o parent interface does was not found on the host: ${parent}`)
  if (parent === 'lo') throw new InvalidParameter('loopback interface is not a valid macvlan parent link')
}

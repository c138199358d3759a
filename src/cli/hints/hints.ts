/**
 * What a user can do about the famous failures: a line after the daemon's own words, which stay as they are since programs match
 * on them. DOCKER_CLI_HINTS=false, docker's own variable, leaves the hints out.
 */

import type { Engine } from '../../client/engine.ts'
import type { Session } from '../session.ts'
import { inUse, portTaken } from './in-use.ts'
import {
  misspeltImage,
  nearestContainer,
  nearestImage,
  nearestNetwork,
  nearestSnapshot,
  nearestVolume,
  theNearest,
} from './nearest-names.ts'
import { socketForbidden } from './socket.ts'

export interface Situation {
  readonly engine: Engine
  readonly session: Session
}

type Advice = string | undefined
type Advise = (found: RegExpExecArray, situation: Situation) => Advice | Promise<Advice>

const HINTS: readonly (readonly [RegExp, Advise])[] = [
  [
    /Bind for .*?:(\d+) failed: port is already allocated/,
    ([, port = ''], { engine }) => portTaken(engine, 'tcp', port),
  ],
  [
    /listen (tcp|udp)[46]? \S+:(\d+): bind: address already in use/,
    ([, protocol = '', port = ''], { engine }) => portTaken(engine, protocol, port),
  ],
  [/No such container: (\S+)/, ([, name = ''], { engine }) => nearestContainer(engine, name)],
  [/No such object: (\S+)/, ([, name = ''], { engine }) => theNearest(engine, name)],
  [/Unable to find image '(\S+)'/, ([, name = ''], { engine }) => misspeltImage(engine, name)],
  [/No such image: (\S+)/, ([, name = ''], { engine }) => nearestImage(engine, name)],
  [/network (\S+) not found/, ([, name = ''], { engine }) => nearestNetwork(engine, name)],
  [/No such snapshot: (\S+)/, ([, name = ''], { engine }) => nearestSnapshot(engine, name)],
  [/get (\S+): no such volume/, ([, name = ''], { engine }) => nearestVolume(engine, name)],
  [
    /container name "\/(\S+)" is already in use/,
    ([, name]) => `skiff start ${name} runs it again, skiff rm -f ${name} removes it`,
  ],
  [/network (\S+) id \S+ has active endpoints/, ([, name = ''], { engine }) => inUse(engine, 'network', name)],
  [/remove (\S+): volume is in use/, ([, name = ''], { engine }) => inUse(engine, 'volume', name)],
  [
    /Get "https?:\/\/[^"]*": .*(no such host|connection refused|i\/o timeout|network is unreachable|no route to host)/,
    () =>
      'the registry cannot be reached from here. The images host and hello need none; skiff load and skiff import read archives; mirrors stand in /etc/skiff/daemon.json',
  ],
  [
    /pull access denied for (\S+?),|manifest for (\S+) not found/,
    ([, denied, missing]) =>
      `is ${denied ?? missing} spelled right? skiff search ${(denied ?? missing ?? '').replace(/[:@].*/, '')} lists what there is; a private image needs skiff login`,
  ],
  [
    /exec format error/,
    () =>
      'the program is for another kind of machine (skiff image inspect -f {{.Architecture}} IMAGE), or a script without #! in its first line',
  ],
  [
    /exec: "([^"]*)": permission denied/,
    ([, path]) =>
      `${path} is not executable: chmod +x; or its file system is mounted noexec; or SELinux or AppArmor forbids it (dmesg)`,
  ],
  [
    /no space left on device|\bENOSPC\b(?! \(a limit)/,
    () => 'skiff system df shows what takes the space, skiff system prune frees what nobody uses',
  ],
  [
    /cgroup.*(EROFS|ENOENT|EACCES|EPERM|read-only file system)/i,
    () => 'skiff doctor says what is wrong with the control groups of this host, and what mends it',
  ],
  [/Cannot connect to the skiff daemon/, () => 'start it with: systemctl start skiffd, or, without systemd: skiffd'],
  [/permission denied while trying to connect .* at unix:\/\/(\S+)/, ([, path = '']) => socketForbidden(path)],
]

/** A hint for each message that has one, each said once. */
export async function hintsFor(messages: readonly string[], situation: Situation): Promise<string[]> {
  const hints = new Set<string>()
  for (const message of messages) {
    for (const [pattern, advise] of HINTS) {
      const found = pattern.exec(message)
      if (!found) continue
      const hint = await Promise.resolve(advise(found, situation)).catch(() => undefined)
      if (hint !== undefined) hints.add(hint)
      break
    }
  }
  return [...hints]
}

/** As Go reads a boolean. */
export const wantsHints = ({ env }: Session): boolean => !/^(0|f|false)$/i.test(env.DOCKER_CLI_HINTS ?? '')

/** Who runs what, with which rights: the process of a start and of an exec. */

import { InvalidParameter } from '../../kernel/errors.ts'
import { capabilitySets, chooseCapabilities } from '../../runtime/capabilities.ts'
import type { ProcessSpec, Rlimit } from '../../runtime/spec.ts'
import { type ResolvedUser, resolveUser, type UserDatabase } from '../../runtime/users.ts'
import type { ContainerDefaults } from '../context.ts'
import { overlayEnv } from '../environment.ts'
import type { LiveContainer } from '../live.ts'
import type { HostConfig } from '../types.ts'
import { type CompiledSeccomp, chooseSeccomp } from './seccomp.ts'
import { parseSecurityOptions } from './security-options.ts'

export const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const NO_CAPABILITIES: readonly string[] = []

export interface ChosenProcess {
  process: ProcessSpec
  seccomp: CompiledSeccomp
}

/** What a start and an exec say of their process; everything else comes from the container. */
export interface ProcessRequest {
  argv: readonly string[]
  /** What --link says of other containers, below the container's own. */
  linked: readonly string[]
  /** On top of the container's own. */
  env: readonly string[]
  cwd: string
  user: string
  tty: boolean
  privileged: boolean
  consoleSize: { rows: number; columns: number } | null
  hostname: string
  rlimits: readonly Rlimit[]
}

/** @throws InvalidParameter `unable to find user x: no matching entries in passwd file` */
export async function chooseProcess(
  container: LiveContainer,
  request: ProcessRequest,
  database: UserDatabase,
  defaults: ContainerDefaults,
): Promise<ChosenProcess> {
  const { config, hostConfig } = container.config
  const user = resolveUser(request.user, hostConfig.groupAdd, database)
  const names = capabilitiesOf(hostConfig, request.privileged)
  const { noNewPrivileges, seccomp } = parseSecurityOptions(hostConfig.securityOpt)
  const unconfined = request.privileged || hostConfig.privileged
  return {
    seccomp: await chooseSeccomp(unconfined ? 'unconfined' : seccomp, names, defaults),
    process: {
      argv: checkArgv(request.argv),
      env: environment(request, config.env, user),
      cwd: request.cwd || '/',
      uid: user.uid,
      gid: user.gid,
      groups: user.groups,
      terminal: request.tty,
      ...consoleSize(request),
      capabilities: setsFor(names, user.uid),
      noNewPrivileges: noNewPrivileges ?? defaults.noNewPrivileges,
      rlimits: request.rlimits,
      oomScoreAdj: hostConfig.oomScoreAdj,
    },
  }
}

const consoleSize = ({ tty, consoleSize: size }: ProcessRequest): Pick<ProcessSpec, 'consoleSize'> =>
  tty && size !== null && size.rows > 0 && size.columns > 0 ? { consoleSize: size } : {}

const capabilitiesOf = ({ capAdd, capDrop, privileged }: HostConfig, privilegedExec: boolean): string[] =>
  chooseCapabilities({ add: capAdd, drop: capDrop, privileged: privileged || privilegedExec })

/** Who is not root starts with nothing permitted, but set-uid programs may get what the container has. See capabilities(7). */
function setsFor(names: readonly string[], uid: number): ProcessSpec['capabilities'] {
  const sets = capabilitySets(names)
  return uid === 0 ? sets : { ...sets, permitted: NO_CAPABILITIES, effective: NO_CAPABILITIES }
}

function checkArgv(argv: readonly string[]): readonly string[] {
  if (argv.length === 0 || argv[0] === '') throw new InvalidParameter('no command specified')
  return argv
}

/** Docker's order: PATH, HOSTNAME, TERM, what its links say, what the container says, what this process says, and HOME if nobody said. */
function environment(
  { env, linked, hostname, tty }: ProcessRequest,
  containerEnv: readonly string[],
  user: ResolvedUser,
): string[] {
  const base = [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(tty ? ['TERM=xterm'] : [])]
  const all = overlayEnv(base, linked, containerEnv, env)
  return all.some(entry => entry.startsWith('HOME=')) ? all : [...all, `HOME=${user.home}`]
}

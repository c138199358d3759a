/**
 * The image's configuration below the user's. Docker's rules: what the user left out is the image's; a user's entrypoint
 * takes the image's command away with it; lists of ports, volumes, labels and variables are united.
 */

import type { Healthcheck, ImageConfig } from '../../images/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import { mergeImageEnv } from '../environment.ts'
import type { ContainerConfig, HealthConfig } from '../types.ts'

export function mergeImageConfig(own: ContainerConfig, image: ImageConfig): ContainerConfig {
  return {
    ...own,
    ...command(own, image),
    user: own.user || image.user,
    exposedPorts: union(own.exposedPorts, image.exposedPorts),
    volumes: union(own.volumes, image.volumes),
    env: mergeImageEnv(own.env, image.env),
    labels: { ...image.labels, ...own.labels },
    workingDir: own.workingDir || image.workingDir,
    stopSignal: own.stopSignal || (image.stopSignal ?? ''),
    stopTimeoutSeconds: own.stopTimeoutSeconds ?? image.stopTimeoutS ?? null,
    shell: own.shell ?? image.shell ?? null,
    healthcheck: mergeHealth(own.healthcheck, image.healthcheck),
  }
}

const union = (own: readonly string[], image: readonly string[]): string[] => [...new Set([...own, ...image])]

function command(own: ContainerConfig, image: ImageConfig): Pick<ContainerConfig, 'entrypoint' | 'cmd'> {
  const { entrypoint, cmd } = own
  // [''] is how the command line says "no entrypoint at all".
  const reset = entrypoint?.length === 1 && entrypoint[0] === ''
  const inherits = entrypoint === null || entrypoint.length === 0
  const ownCmd = cmd !== null && cmd.length > 0 ? cmd : null
  return {
    entrypoint: entrypoint === null ? (image.entrypoint ?? null) : inherits || reset ? null : entrypoint,
    cmd: ownCmd ?? (inherits ? (image.cmd ?? null) : null),
  }
}

function mergeHealth(own: HealthConfig | null, image: Healthcheck | undefined): HealthConfig | null {
  if (own === null || image === undefined) return own ?? image ?? null
  return {
    test: own.test.length > 0 ? own.test : image.test,
    intervalNs: own.intervalNs || image.intervalNs,
    timeoutNs: own.timeoutNs || image.timeoutNs,
    startPeriodNs: own.startPeriodNs || image.startPeriodNs,
    startIntervalNs: own.startIntervalNs || image.startIntervalNs,
    retries: own.retries || image.retries,
  }
}

/** The first process: path and arguments, as inspect shows them. @throws InvalidParameter if there is none */
export function processOf({ entrypoint, cmd }: ContainerConfig): { path: string; args: string[] } {
  const [path, ...args] = [...(entrypoint ?? []), ...(cmd ?? [])]
  if (path === undefined) throw new InvalidParameter('no command specified')
  return { path, args }
}

/** The part of a container's configuration that an image can carry. */
export const imageConfig = (config: ContainerConfig): ImageConfig => ({
  user: config.user,
  exposedPorts: config.exposedPorts,
  env: config.env,
  entrypoint: config.entrypoint ?? undefined,
  cmd: config.cmd ?? undefined,
  volumes: config.volumes,
  workingDir: config.workingDir,
  labels: config.labels,
  stopSignal: config.stopSignal || undefined,
  stopTimeoutS: config.stopTimeoutSeconds ?? undefined,
  healthcheck: config.healthcheck ?? undefined,
  shell: config.shell ?? undefined,
  onBuild: config.onBuild ?? [],
  hostname: config.hostname,
  domainname: config.domainname,
  tty: config.tty,
  openStdin: config.openStdin,
})

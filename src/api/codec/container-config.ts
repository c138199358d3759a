/** The portable part of a container's configuration. Engine API reference, "ContainerConfig". */

import type { ContainerConfig, HealthConfig } from '../../containers/types.ts'
import { bool, duration, int, keys, list, map, nullable, stringOrList, text } from './schema.ts'
import { field, omitEmpty, omitNull, Struct } from './struct.ts'

export const healthConfig = new Struct<HealthConfig>('container.HealthConfig', {
  test: omitEmpty('Test', list(text)),
  intervalNs: omitEmpty('Interval', duration),
  timeoutNs: omitEmpty('Timeout', duration),
  startPeriodNs: omitEmpty('StartPeriod', duration),
  startIntervalNs: omitEmpty('StartInterval', duration),
  retries: omitEmpty('Retries', int),
})

export const containerConfig = new Struct<ContainerConfig>('container.Config', {
  hostname: field('Hostname', text),
  domainname: field('Domainname', text),
  user: field('User', text),
  attachStdin: field('AttachStdin', bool),
  attachStdout: field('AttachStdout', bool),
  attachStderr: field('AttachStderr', bool),
  exposedPorts: omitEmpty('ExposedPorts', keys('nat.PortSet')),
  tty: field('Tty', bool),
  openStdin: field('OpenStdin', bool),
  stdinOnce: field('StdinOnce', bool),
  env: field('Env', list(text)),
  cmd: field('Cmd', nullable(stringOrList)),
  healthcheck: omitNull('Healthcheck', nullable(healthConfig)),
  argsEscaped: omitEmpty('ArgsEscaped', bool),
  image: field('Image', text),
  volumes: field('Volumes', keys('map[string]struct {}')),
  workingDir: field('WorkingDir', text),
  entrypoint: field('Entrypoint', nullable(stringOrList)),
  networkDisabled: omitEmpty('NetworkDisabled', bool),
  macAddress: omitEmpty('MacAddress', text),
  onBuild: field('OnBuild', nullable(list(text))),
  labels: field('Labels', map(text)),
  stopSignal: omitEmpty('StopSignal', text),
  stopTimeoutSeconds: omitNull('StopTimeout', nullable(int)),
  shell: omitNull('Shell', nullable(stringOrList)),
})

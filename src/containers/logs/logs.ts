/** docker logs of one container. */

import type { Readable } from 'node:stream'
import { Conflict, InvalidParameter } from '../../kernel/errors.ts'
import type { LiveContainer } from '../live.ts'
import type { LogsRequest } from '../types.ts'
import { rotation } from './config.ts'
import { readLog } from './reader.ts'

/** @throws InvalidParameter, Conflict for a container without a readable log */
export function containerLogs(container: LiveContainer, request: LogsRequest): { stream: Readable; tty: boolean } {
  const { config, hostConfig } = container.config
  if (!request.stdout && !request.stderr) {
    throw new InvalidParameter('Bad parameters: you must choose at least one stream')
  }
  if (hostConfig.logConfig.type !== 'json-file') {
    throw new Conflict('configured logging driver does not support reading')
  }
  const { maxFiles } = rotation(hostConfig.logConfig.config)
  // A restart by the policy goes on in the same log.
  const ended = container.state.running ? container.endings.nextEnd : null
  return { stream: readLog({ path: container.paths.log, maxFiles, tty: config.tty, ended }, request), tty: config.tty }
}

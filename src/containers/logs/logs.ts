/** docker logs of one container. */

import type { Readable } from 'node:stream'
import { InvalidParameter, NotImplemented } from '../../kernel/errors.ts'
import type { LiveContainer } from '../live.ts'
import type { LogsRequest } from '../types.ts'
import { logPlace } from './place.ts'
import { readLog } from './reader.ts'

/** @throws InvalidParameter, NotImplemented for a container without a readable log */
export function containerLogs(container: LiveContainer, request: LogsRequest): { stream: Readable; tty: boolean } {
  const { config, hostConfig } = container.config
  if (!request.stdout && !request.stderr) {
    throw new InvalidParameter('Bad parameters: you must choose at least one stream')
  }
  const place = logPlace(hostConfig.logConfig, container.paths)
  if (place === null) throw new NotImplemented('configured logging driver does not support reading')
  // A restart by the policy goes on in the same log.
  const ended = container.state.running ? container.endings.nextEnd : null
  return { stream: readLog({ ...place, tty: config.tty, ended }, request), tty: config.tty }
}

/** Further processes in a container. Engine API reference, "Exec". */

import type { Exec, ExecConfig } from '../../containers/types.ts'
import { consoleSize } from './host-config.ts'
import { bool, list, nullable, text } from './schema.ts'
import { field, Struct } from './struct.ts'

export const execConfig = new Struct<ExecConfig>('types.ExecConfig', {
  user: field('User', text),
  privileged: field('Privileged', bool),
  tty: field('Tty', bool),
  consoleSize: field('ConsoleSize', nullable(consoleSize)),
  attachStdin: field('AttachStdin', bool),
  attachStdout: field('AttachStdout', bool),
  attachStderr: field('AttachStderr', bool),
  detachKeys: field('DetachKeys', text),
  env: field('Env', list(text)),
  workingDir: field('WorkingDir', text),
  argv: field('Cmd', list(text)),
})

export interface ExecStart {
  detach: boolean
  tty: boolean
  consoleSize: { rows: number; columns: number } | null
}

export const execStart = new Struct<ExecStart>('types.ExecStartCheck', {
  detach: field('Detach', bool),
  tty: field('Tty', bool),
  consoleSize: field('ConsoleSize', nullable(consoleSize)),
})

export function encodeExec({ id, containerId, config, running, exitCode, pid, canRemove }: Exec) {
  const [entrypoint = '', ...args] = config.argv
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: config.tty,
      entrypoint,
      arguments: args,
      privileged: config.privileged,
      ...(config.user && { user: config.user }),
    },
    OpenStdin: config.attachStdin,
    OpenStderr: config.attachStderr,
    OpenStdout: config.attachStdout,
    CanRemove: canRemove,
    ContainerID: containerId,
    // Bytes, which Go writes as base64.
    DetachKeys: Buffer.from(config.detachKeys).toString('base64'),
    Pid: pid,
  }
}

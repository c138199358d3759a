/** post_start and pre_stop: commands in a running container, one after the other. Source: compose-spec, "post_start". */

import type { Engine } from '../../client/engine.ts'
import type { Hook } from '../schema/hooks.ts'

/** @throws Error for a command that does not end with 0 */
export async function runHooks(engine: Engine, id: string, name: string, hooks: readonly Hook[] = []): Promise<void> {
  for (const hook of hooks) {
    const { Id } = await engine.post<{ Id: string }>(
      `/containers/${id}/exec`,
      {},
      {
        AttachStdout: true,
        AttachStderr: true,
        Cmd: hook.command ?? [],
        ...(hook.user !== undefined && { User: hook.user }),
        ...(hook.privileged && { Privileged: true }),
        ...(hook.working_dir !== undefined && { WorkingDir: hook.working_dir }),
        Env: Object.entries(hook.environment ?? {}).map(([key, value]) => (value === null ? key : `${key}=${value}`)),
      },
    )
    const { output } = await engine.hijack(`/exec/${Id}/start`, { body: { Detach: false, Tty: false } })
    let said = Buffer.alloc(0)
    for await (const chunk of output as AsyncIterable<Buffer>) said = Buffer.concat([said, chunk])
    const { ExitCode } = await engine.get<{ ExitCode: number }>(`/exec/${Id}/json`)
    if (ExitCode !== 0)
      throw new Error(
        `${name}: hook ${JSON.stringify(hook.command?.join(' '))} exited with status ${ExitCode}${withoutFrames(said)}`,
      )
  }
}

/** What it said, for the message. */
function withoutFrames(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4)
    text += bytes.subarray(at + 8, at + 8 + length).toString()
    at += 8 + length
  }
  return text.trim() === '' ? '' : `: ${text.trim()}`
}

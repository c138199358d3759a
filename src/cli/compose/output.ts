/** Where a command's text goes. */

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { write } from '../../client/write.ts'
import type { ComposeContext } from './subcommand.ts'

/** No name: stdout. */
export async function outputFile(
  { session }: Pick<ComposeContext, 'session'>,
  file: string,
  text: string,
): Promise<void> {
  if (file) await writeFile(resolve(session.cwd, file), text)
  else await write(session.stdout, text)
}

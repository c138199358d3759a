/** The last step of `npm run build`: writes beside the compiled files which commit they were made from, and when. */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Short; undefined outside of a repository, or where git is not installed. */
async function commit(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'])
    return stdout.trim()
  } catch {
    return undefined
  }
}

const stamp = { commit: await commit(), built: new Date().toISOString() }
await writeFile(new URL('build-stamp.json', import.meta.url), `${JSON.stringify(stamp)}\n`)

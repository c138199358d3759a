/** One object through --format: json or a template over the API's fields. */

import { CommandError } from '../errors.ts'
import { parseFormat, unescapeFormat } from './format.ts'
import { toData } from './template-data.ts'

/** A printer for objects of the API. What is wrong with the template itself is said before anything is asked of the daemon. */
export async function objectFormatter(
  format: string,
  { invalid = 'template parsing error: ', exitCode = 1 }: { invalid?: string; exitCode?: number } = {},
): Promise<(object: unknown) => string> {
  const template = await parseFormat(format === 'json' ? '{{json .}}' : unescapeFormat(format), invalid, exitCode)
  const { execute } = await import('../template/execute.ts')
  return object => {
    try {
      return execute(template, toData(object))
    } catch (error) {
      throw new CommandError(invalid + (error as Error).message)
    }
  }
}

/** From the command line and the file to settings and a log. */

import type { Logger } from 'pino'
import { examine } from '../system/doctor/doctor.ts'
import { parseCommandLine } from './command-line.ts'
import { combine, readConfigFile } from './config-file.ts'
import { subjectOf } from './examination.ts'
import { createLogger } from './logger.ts'
import { readSettings, type Settings } from './settings.ts'

/** null: what was asked for (--help, --version, --validate, --doctor) has been done. @throws InvalidParameter */
export async function configure(
  words: string[],
  env: NodeJS.ProcessEnv,
  version: string,
): Promise<{ settings: Settings; log: Logger } | null> {
  const line = await parseCommandLine(words, version)
  if (line === null) return null
  const file = await readConfigFile(line.configFile, { mustExist: line.configFileGiven })
  const settings = readSettings(combine(line.given, file, line.configFile), env)
  if (line.validate) {
    process.stdout.write('configuration OK\n')
    return null
  }
  if (line.doctor) {
    process.stdout.write(`${JSON.stringify(await examine(subjectOf(settings)))}\n`)
    return null
  }
  return { settings, log: createLogger({ level: settings.logLevel, debug: settings.debug }) }
}

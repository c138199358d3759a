/** What the doctor finds at the daemon's start is said once in its log. */

import type { Logger } from 'pino'
import { examine, type Subject } from '../system/doctor/doctor.ts'
import { instanceSuffix } from './instance.ts'
import type { Settings } from './settings.ts'

export const subjectOf = (settings: Settings): Subject => ({
  dataRoot: settings.dataRoot,
  execRoot: settings.execRoot,
  hosts: settings.hosts,
  group: settings.group,
  bridge: settings.bridge,
  table: `skiff${instanceSuffix(settings)}`,
})

export async function reportFindings(settings: Settings, log: Logger): Promise<void> {
  for (const { subject, verdict, found, consequence, remedy } of await examine(subjectOf(settings))) {
    if (verdict === 'ok') continue
    log.warn({ subject, ...(remedy && { remedy }) }, `${found}: ${consequence}`)
  }
}

/** The flags that stand before a command of `skiff compose`. */

import { list, single, string, type Values } from '../parse/flag.ts'

const oneOf =
  (...allowed: readonly string[]) =>
  (text: string): string => {
    if (allowed.includes(text)) return text
    throw new Error(`must be one of ${allowed.join(', ')}`)
  }

export const GLOBALS = {
  ansi: single('string', 'Control characters: never, always, auto', 'auto', oneOf('never', 'always', 'auto'), {
    shownDefault: '"auto"',
  }),
  'env-file': list('Read variables from this file in place of .env', { type: 'stringArray' }),
  file: list('Compose files; several are merged', { short: 'f', type: 'stringArray' }),
  profile: list('Activate this profile', { type: 'stringArray' }),
  progress: single(
    'string',
    'How progress is shown: auto, tty, plain, quiet',
    'auto',
    oneOf('auto', 'tty', 'plain', 'quiet'),
    { shownDefault: '"auto"' },
  ),
  'project-directory': string("Where relative paths start (default: the first file's folder)", {
    aliases: ['workdir'],
  }),
  'project-name': string('Name of the project', { short: 'p' }),
}

export type Globals = Values<typeof GLOBALS>

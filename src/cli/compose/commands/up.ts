/** skiff compose up */

import { up as bringUp, leftBehind } from '../../../compose/run/up.ts'
import { CommandError } from '../../errors.ts'
import { bool, int, list, string, strings } from '../../parse/flag.ts'
import { imageSupply } from '../images.ts'
import { openProject, surroundings } from '../project.ts'
import { parseScale } from '../scale.ts'
import { subcommand } from '../subcommand.ts'

export const up = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: {
    build: bool('Build images before starting containers'),
    detach: bool('Leave the containers running in the background', { short: 'd' }),
    'force-recreate': bool('Recreate containers though nothing has changed'),
    'no-build': bool('Build no image, even if it is missing'),
    'no-deps': bool('Leave services alone that the named ones depend on'),
    'no-recreate': bool('Leave containers as they are, even if their service has changed'),
    'no-start': bool('Create without starting'),
    pull: string('Pull images: always, missing, never'),
    'remove-orphans': bool('Remove containers of services that the files do not have'),
    'renew-anon-volumes': bool('Make new anonymous volumes', { short: 'V' }),
    scale: list('Number of containers: SERVICE=NUMBER', { type: 'scale' }),
    timeout: int('Seconds until a container is killed', { short: 't' }),
    wait: bool('Wait until services run or are healthy; implies --detach'),
    'wait-timeout': int('Longest time to wait, in seconds'),
    attach: strings('x', { hidden: true }),
  },
  async run(context) {
    const { engine, options, args, given } = context
    if (options['force-recreate'] && options['no-recreate'])
      throw new CommandError('--force-recreate and --no-recreate are incompatible')
    if (options.build && options['no-build']) throw new CommandError('--build and --no-build are incompatible')
    const project = await openProject(context, args)
    const around = await surroundings(context)
    try {
      const result = await bringUp({
        engine,
        project,
        services: args,
        withDependencies: !options['no-deps'],
        images: {
          build: options.build ? 'always' : options['no-build'] ? 'never' : undefined,
          pull: options.pull || undefined,
        },
        scale: parseScale(options.scale),
        recreate: options['force-recreate'] ? 'force' : options['no-recreate'] ? 'never' : 'diverged',
        recreateDependencies: options['no-recreate'] ? 'never' : 'diverged',
        start: !options['no-start'],
        removeOrphans: options['remove-orphans'],
        ignoreOrphans: false,
        timeoutS: given.has('timeout') ? options.timeout : undefined,
        renewVolumes: options['renew-anon-volumes'],
        around,
        supply: imageSupply(context, around),
      })
      if (result.failure) {
        const { started, notStarted } = leftBehind(result)
        around.stop()
        const rest =
          started.length > 0
            ? `\nStarted: ${started.join(', ')}. Not started: ${notStarted.join(', ')}. 'skiff compose down' removes them.`
            : ''
        throw new CommandError(`${result.failure.message}${rest}`)
      }
    } finally {
      around.stop()
    }
  },
})

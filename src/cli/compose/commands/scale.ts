/** skiff compose scale: SERVICE=NUMBER … */

import { bool } from '../../parse/flag.ts'
import { bringUp, createRequest, NO_CREATE_FLAGS } from '../bring-up.ts'
import { withProgress } from '../containers.ts'
import { openProject } from '../project.ts'
import { parseScale } from '../scale.ts'
import { subcommand } from '../subcommand.ts'

export const scale = subcommand({
  usage: '[OPTIONS] SERVICE=REPLICAS [SERVICE=REPLICAS...]',
  arity: [1, Number.POSITIVE_INFINITY],
  flags: { 'no-deps': bool('Leave services alone that the named ones depend on') },
  async run(context) {
    const wanted = parseScale(context.args)
    const project = await openProject(context, Object.keys(wanted))
    await withProgress(context, async around => {
      const request = createRequest(context, NO_CREATE_FLAGS, project, around)
      await bringUp({
        ...request,
        services: Object.keys(wanted),
        scale: wanted,
        withDependencies: !context.options['no-deps'],
        recreate: 'never',
      })
    })
  },
})

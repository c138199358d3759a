/** skiff compose create: as up, without a start. */

import { bringUp, CREATE_FLAGS, createRequest } from '../bring-up.ts'
import { withProgress } from '../containers.ts'
import { openProject } from '../project.ts'
import { subcommand } from '../subcommand.ts'

export const create = subcommand({
  usage: '[OPTIONS] [SERVICE...]',
  arity: [0, Number.POSITIVE_INFINITY],
  flags: CREATE_FLAGS,
  async run(context) {
    const project = await openProject(context, context.args)
    await withProgress(context, async around => {
      await bringUp({
        ...createRequest(context, context.options, project, around),
        services: context.args,
        start: false,
      })
    })
  },
})

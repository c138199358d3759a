/** From an exec's specification to its program: into all of a container's namespaces, then as a container ends. */

import { buildProgram, inAct, Slots } from '../../program/builder.ts'
import { call } from '../../program/calls.ts'
import { AT_FDCWD, CLONE, O } from '../../program/flags.ts'
import type { Slot, Step } from '../../program/step.ts'
import type { ExecSpec } from '../spec.ts'
import { enterWorkingFolder, execute } from './command.ts'
import { beforeClone, type Compiled, lock } from './container.ts'
import { entersCwdAsRoot, type HostFacts, type Streams } from './context.ts'
import { adjustOomScore, hide, joinCgroup, joinKeyring, plainModes } from './entry.ts'
import { connectStreams, openTerminalOf } from './terminal.ts'
import { actAsContainersRoot, enterUserNamespace, hostUid } from './user-namespace.ts'

/** The last act of an exec's program. @throws InvalidParameter */
export const becomeFurtherCommand = ({ process }: ExecSpec): Step[] => inAct('exec', execute(process))

/** @throws InvalidParameter for a specification that cannot be carried out */
export function compileExec(spec: ExecSpec, streams: Streams, facts: HostFacts): Compiled {
  const { process } = spec
  const slots = new Slots()
  const init = slots.passed(spec.pidfd, 'init')
  const root = slots.named('/')
  const steps = [
    ...inAct('gather', [
      hide(),
      plainModes(),
      ...joinCgroup(slots, spec.cgroup),
      ...adjustOomScore(slots, process.oomScoreAdj),
      ...joinKeyring(slots, spec.containerId),
    ]),
    ...inAct('move', [...enterContainer(init, root), ...actAsContainersRoot(spec.idMap)]),
    ...inAct('furnish', [
      ...(entersCwdAsRoot(process, facts) ? enterWorkingFolder(slots, root, process) : []),
      ...openTerminalOf(root, slots, process),
      ...connectStreams(slots, process, streams, hostUid(spec.idMap, process.uid)),
    ]),
    ...inAct('lock', lock(slots, root, spec, facts, enterUserNamespace(root, spec.idMap ? init : null, null))),
    ...becomeFurtherCommand(spec),
  ]
  return {
    cloneFlags: 0,
    before: beforeClone(init, slots),
    program: buildProgram(steps, slots),
    passedFds: slots.passedFds,
  }
}

const enterContainer = (init: Slot, root: Slot): Step[] => [
  {
    ...call.setns({
      fd: init,
      nstype: CLONE('CLONE_NEWNS', 'CLONE_NEWCGROUP', 'CLONE_NEWUTS', 'CLONE_NEWIPC', 'CLONE_NEWNET'),
    }),
    why: "all of the container's namespaces at once, or none: by a pidfd, so that a reused pid cannot be meant",
  },
  {
    ...call.openat({ dirfd: AT_FDCWD, pathname: '/', flags: O('O_PATH', 'O_DIRECTORY', 'O_CLOEXEC') }),
    result: root,
    why: "the container's root, where setns has put us",
  },
]

/** The two kinds of programs: a container's first process, and further ones. */

import { becomeCommand, compileContainer } from './compile/container.ts'
import { becomeFurtherCommand, compileExec } from './compile/exec.ts'
import type { ContainerSpec, ExecSpec, NamespaceSource } from './spec.ts'
import type { Kind } from './template.ts'

export const CONTAINERS: Kind<ContainerSpec> = {
  compile: compileContainer,
  execute: becomeCommand,
  id: ({ id }) => id,
  taken({ namespaces, userNamespace, shmOf, seccomp, process, ...rest }) {
    const sources = Object.values(namespaces) as NamespaceSource[]
    const fds = sources.flatMap(source => (source.kind === 'fd' ? [source.fd] : []))
    if (shmOf !== null) fds.push(shmOf)
    if (userNamespace) fds.push(userNamespace.fd)
    const kinds = Object.entries(namespaces).map(([name, { kind }]) => [name, kind])
    return { fds, rest: [rest, kinds, shmOf !== null, userNamespace?.map ?? null] }
  },
}

export const EXECS: Kind<ExecSpec> = {
  compile: compileExec,
  execute: becomeFurtherCommand,
  id: ({ containerId }) => containerId,
  taken: ({ pidfd, seccomp, process, ...rest }) => ({ fds: [pidfd], rest }),
}

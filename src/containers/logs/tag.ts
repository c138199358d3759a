/**
 * The option `tag`: a Go template in Docker, of which skiff knows the fields and texts between them. Everything else is an
 * error, in the words of Go's text/template where it has some.
 */

import { InvalidParameter } from '../../kernel/errors.ts'

export interface TaggedContainer {
  id: string
  name: string
  /** As it was asked for. */
  image: string
  imageId: string
  path: string
  args: readonly string[]
  created: string
}

const SHORT = 12

const FIELDS: Record<string, (container: TaggedContainer) => string> = {
  ID: ({ id }) => id.slice(0, SHORT),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ imageId }) => imageId.slice(0, SHORT),
  ImageFullID: ({ imageId }) => imageId,
  ImageName: ({ image }) => image,
  Command: ({ path, args }) => [path, ...args].join(' '),
  DaemonName: () => 'docker',
  ContainerID: ({ id }) => id,
  ContainerName: ({ name }) => `/${name}`,
  ContainerImageID: ({ imageId }) => imageId,
  ContainerImageName: ({ image }) => image,
  ContainerEntrypoint: ({ path }) => path,
}

/** @throws InvalidParameter */
export function checkTag(tag: string): void {
  pieces(tag)
}

/** @throws InvalidParameter */
export const expandTag = (tag: string, container: TaggedContainer): string =>
  pieces(tag)
    .map(piece => (typeof piece === 'string' ? piece : piece(container)))
    .join('')

function pieces(tag: string): (string | ((container: TaggedContainer) => string))[] {
  const parts: (string | ((container: TaggedContainer) => string))[] = []
  let at = 0
  for (;;) {
    const begin = tag.indexOf('{{', at)
    if (begin < 0) return [...parts, tag.slice(at)]
    const end = tag.indexOf('}}', begin)
    if (end < 0) throw new InvalidParameter('template: log-tag:1: unclosed action')
    parts.push(tag.slice(at, begin), fieldOf(tag.slice(begin + 2, end), begin + 2))
    at = end + 2
  }
}

function fieldOf(action: string, column: number): (container: TaggedContainer) => string {
  const [, name] = /^\s*\.(\w+)\s*$/.exec(action) ?? []
  if (name === undefined) throw new InvalidParameter(`log tag: {{${action}}}: skiff takes fields only, as {{.Name}}`)
  const field = FIELDS[name]
  if (field === undefined) {
    throw new InvalidParameter(
      `template: log-tag:1:${column}: executing "log-tag" at <.${name}>: can't evaluate field ${name} in type *logger.Info`,
    )
  }
  return field
}

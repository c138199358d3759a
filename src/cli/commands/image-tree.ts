/** skiff image tree: the layers of an image, the instruction that made each, and how large it is. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { command } from '../command.ts'
import { ago } from '../output/durations.ts'
import { humanSize } from '../output/sizes.ts'
import { shortId } from '../output/text.ts'
import { bool } from '../parse/flag.ts'

interface Step {
  Created: number
  CreatedBy: string
  Size: number
  Comment: string
}
interface Inspected {
  Id: string
  RepoTags: string[] | null
  Size: number
  RootFS: { Layers?: string[] | null }
}

export const imageTree = command({
  usage: '[OPTIONS] IMAGE',
  arity: [1, 1],
  flags: { 'no-trunc': bool('Do not shorten values') },
  async run({ session, engine, options, args }) {
    const path = `/images/${segment(args[0] ?? '')}`
    const image = await engine.get<Inspected>(`${path}/json`)
    const steps = await engine.get<Step[]>(`${path}/history`)
    const images = await engine.get<{ Id: string }[]>('/images/json', { all: true })
    const others = await Promise.all(
      images.filter(({ Id }) => Id !== image.Id).map(({ Id }) => engine.get<Inspected>(`/images/${Id}/json`)),
    )
    await write(session.stdout, drawTree(image, steps, others, !options['no-trunc']))
  },
})

/** From the bottom up, as the layers lie; a step without a layer only changed the configuration. */
export function drawTree(
  image: Inspected,
  steps: readonly Step[],
  others: readonly Inspected[],
  truncate: boolean,
): string {
  const layers = image.RootFS.Layers ?? []
  const names = image.RepoTags?.join(', ') || '<none>'
  const lines = [
    `${names}  ${truncate ? shortId(image.Id) : image.Id}  ${humanSize(image.Size)} in ${layers.length} layers`,
  ]
  const withLayer = stepsWithLayers(steps, layers.length)
  let layer = 0
  for (const [i, step] of [...steps].reverse().entries()) {
    const branch = i === steps.length - 1 ? '└─' : '├─'
    const made = step.CreatedBy.trim() || step.Comment
    const has = withLayer.has(step)
    const id = has ? layers[layer] : undefined
    lines.push(`${branch} ${has ? humanSize(step.Size).padStart(8) : '      · '}  ${made}  (${ago(step.Created)})`)
    if (id !== undefined) {
      const margin = i === steps.length - 1 ? '  ' : '│ '
      lines.push(
        `${margin}           layer ${truncate ? shortId(id) : id}${sharedWith(layers.slice(0, layer + 1), others)}`,
      )
      layer++
    }
  }
  return `${lines.join('\n')}\n`
}

/** Steps with a size have a layer; so have as many of the others, from the bottom, as there are layers left. */
function stepsWithLayers(steps: readonly Step[], layers: number): ReadonlySet<Step> {
  const found = new Set(steps.filter(({ Size }) => Size > 0))
  for (const step of [...steps].reverse()) if (found.size < layers) found.add(step)
  return found
}

/** A layer is shared when all that lies below it is the same as well. */
function sharedWith(chain: readonly string[], others: readonly Inspected[]): string {
  const sharing = others.filter(({ RootFS }) => chain.every((id, i) => RootFS.Layers?.[i] === id))
  const names = sharing.map(({ Id, RepoTags }) => RepoTags?.[0] ?? shortId(Id))
  return names.length > 0 ? `, shared with ${names.join(', ')}` : ''
}

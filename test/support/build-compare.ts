/** An image as every engine describes it: what is the engine's own is left out. */

import { treeOf } from './build.ts'
import type { Engine } from './engine.ts'

export interface Description {
  config: object
  Author: string
  Architecture: string
  Os: string
  tree: string[]
}

export async function describeImage(engine: Engine, image: string): Promise<Description> {
  const { Config, Author, Architecture, Os } = await engine.api.get(`/images/${image}/json`)
  const { Image, Hostname, AttachStdin, AttachStdout, AttachStderr, StdinOnce, ...config } = Config
  return {
    config: Object.fromEntries(Object.entries(config).filter(([, value]) => isSomething(value))),
    Author,
    Architecture,
    Os,
    tree: await treeOf(engine, image),
  }
}

/** What made each layer, newest first. */
export async function historyOf(engine: Engine, image: string): Promise<string[]> {
  const history: { CreatedBy: string }[] = await engine.api.get(`/images/${image}/history`)
  // What is copied has a digest of each engine's own making.
  return history.map(({ CreatedBy }) => CreatedBy.replace(/ ?((file|dir|multi):)[0-9a-f]{64} in/, ' $1DIGEST in'))
}

const isSomething = (value: unknown): boolean =>
  !(
    value === null ||
    value === '' ||
    value === false ||
    (typeof value === 'object' && Object.keys(value as object).length === 0)
  )

/** The name that somebody may have meant who asked for one that is not there. */

import type { Engine } from '../../client/engine.ts'
import { nearest } from '../parse/nearest.ts'

const meant = (word: string, names: Iterable<string>): string | undefined => {
  const name = nearest(word, names)
  return name === undefined || name === word ? undefined : `did you mean ${name}?`
}

export const nearestContainer = async (engine: Engine, name: string) => meant(name, await containerNames(engine))

export const nearestNetwork = async (engine: Engine, name: string) => meant(name, await networkNames(engine))

export const nearestVolume = async (engine: Engine, name: string) => meant(name, await volumeNames(engine))

export const nearestSnapshot = async (engine: Engine, name: string) => meant(name, await snapshotNames(engine))

/** Images that skiff makes itself when they are asked for. */
const BUILT_IN = ['host', 'hello']

/** `name` may have a tag that the user has not typed. */
export async function nearestImage(engine: Engine, name: string): Promise<string | undefined> {
  const typed = name.replace(/:latest$/, '')
  return (
    meant(typed, await imageNames(engine)) ?? 'skiff images shows what there is, skiff pull fetches from a registry'
  )
}

/** The same, and nothing where nothing is like it: for a name that was looked for in a registry, too. */
export const misspeltImage = async (engine: Engine, name: string) =>
  meant(name.replace(/:latest$/, ''), await imageNames(engine))

/** Of anything that inspect knows. */
export async function theNearest(engine: Engine, name: string): Promise<string | undefined> {
  const kinds = await Promise.all([containerNames, imageNames, networkNames, volumeNames].map(list => list(engine)))
  return meant(name, kinds.flat())
}

async function containerNames(engine: Engine): Promise<string[]> {
  const containers = await engine.get<{ Names: string[] | null }[]>('/containers/json', { all: true })
  return containers.flatMap(({ Names }) => Names ?? []).map(name => name.slice(1))
}

async function networkNames(engine: Engine): Promise<string[]> {
  return (await engine.get<{ Name: string }[]>('/networks')).map(({ Name }) => Name)
}

async function snapshotNames(engine: Engine): Promise<string[]> {
  return (await engine.get<{ Name: string }[]>('/snapshots')).map(({ Name }) => Name)
}

async function volumeNames(engine: Engine): Promise<string[]> {
  return ((await engine.get<{ Volumes: { Name: string }[] | null }>('/volumes')).Volumes ?? []).map(({ Name }) => Name)
}

async function imageNames(engine: Engine): Promise<string[]> {
  const images = await engine.get<{ RepoTags: string[] | null }[]>('/images/json')
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []).map(tag => tag.replace(/:latest$/, ''))
  return [...tags, ...BUILT_IN]
}

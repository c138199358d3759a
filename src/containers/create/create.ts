/** docker create: everything is checked and decided here, so that a start has little left to find out. */

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type Undo, undoOnFailure } from '../../kernel/undo.ts'
import type { Context } from '../context.ts'
import { createLive, type LiveContainer } from '../live.ts'
import { containerPaths, writeConfig, writeInitialState } from '../store/files.ts'
import { checkName } from '../store/names.ts'
import { initialState } from '../store/record.ts'
import type { ContainerId, CreateRequest } from '../types.ts'
import { type Decision, decide } from './decide.ts'
import { fillVolumes } from './fill-volumes.ts'

/** @throws InvalidParameter, NotFound (the image, a network), Conflict (the name) */
export function createContainer(
  context: Context,
  request: CreateRequest,
): Promise<{ id: ContainerId; warnings: string[] }> {
  return context.saved.holding(request.snapshot, () =>
    undoOnFailure(async undo => {
      const { container, warnings } = await assemble(context, request, undo)
      writeInitialState(container.paths.folder, container.state)
      // A --rm container does not survive a power cut in any case: the next daemon would remove it.
      await writeConfig(container.paths.folder, container.config, { durable: !request.hostConfig.autoRemove })
      context.containers.set(container.id, container)
      context.emit(container, 'create')
      return { id: container.id, warnings }
    }),
  )
}

/** A container with its folders, which nobody knows of yet. */
export async function assemble(
  context: Context,
  request: CreateRequest,
  undo: Undo,
): Promise<{ container: LiveContainer; warnings: string[] }> {
  const id = randomBytes(32).toString('hex') as ContainerId
  const name = takeName(context, id, request.name, undo)
  const { folder } = containerPaths(context.roots, id)
  // Before anything else of it: a folder without a record tells the next daemon whose creation was cut off.
  // CVE-2021-41091: others must not get at files of a container, set-uid ones above all.
  mkdirSync(folder, { mode: 0o710 })
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  const decision = await decide(context, { id, name }, request, undo)
  const container = await makeRoot(context, decision, undo)
  await fillVolumes(context, container, decision.snapshot)
  return { container, warnings: decision.warnings }
}

/** The name comes first: of two creates at once, one is told so before anything is made. */
function takeName(context: Context, id: ContainerId, given: string, undo: Undo): string {
  const { names } = context
  if (given === '') {
    const chosen = names.reserveRandom(id)
    undo.defer(() => names.release(chosen, id))
    return chosen
  }
  const name = checkName(given)
  names.reserve(name, id)
  undo.defer(() => names.release(name, id))
  return name
}

async function makeRoot(
  context: Context,
  { config, image, network, snapshot }: Decision,
  undo: Undo,
): Promise<LiveContainer> {
  const { snapshots } = context.rooms
  const paths = containerPaths(context.roots, config.id)
  const state = { ...initialState(), network: network.initial }
  const container = createLive(config, state, paths)
  container.root = await snapshots.prepare(config.id, image.chain, snapshot?.frozen)
  undo.defer(() => snapshots.remove(config.id))
  return container
}

/** A container's files from outside. Engine API reference, "ContainerArchive", "ContainerChanges", "ContainerExport". */

import type { PathStat } from '../../containers/files/types.ts'
import { InvalidParameter } from '../../kernel/errors.ts'
import type { Change } from '../../snapshots/types.ts'
import { encodePathStat } from '../codec/path-stat.ts'
import type { Call } from '../http/call.ts'
import { get, head, put, type Route } from '../http/router.ts'

const ref = (call: Call): string => call.param('id')

function path(call: Call): string {
  const asked = call.query.text('path')
  // Docker's words, blank missing.
  if (asked === '') throw new InvalidParameter('bad parameter: pathcannot be empty')
  return asked
}

const describe = (call: Call, stat: PathStat): void => {
  call.response.setHeader('X-Docker-Container-Path-Stat', encodePathStat(stat))
}

async function stat(call: Call): Promise<void> {
  describe(call, await call.services.files.stat(ref(call), path(call)))
  call.empty(200)
}

async function read(call: Call): Promise<void> {
  const { stat, archive } = await call.services.files.read(ref(call), path(call))
  describe(call, stat)
  await call.stream('application/x-tar', archive)
}

async function write(call: Call): Promise<void> {
  await call.services.files.write(ref(call), path(call), call.body, {
    noOverwriteDirNonDir: call.query.flag('noOverwriteDirNonDir'),
    copyUidGid: call.query.flag('copyUIDGID'),
  })
  call.empty(200)
}

const KINDS: Record<Change['kind'], number> = { changed: 0, added: 1, deleted: 2 }

async function changes(call: Call): Promise<void> {
  const found = await call.services.files.changes(ref(call))
  call.send(200, found.length > 0 ? found.map(({ kind, path }) => ({ Path: path, Kind: KINDS[kind] })) : null)
}

async function exportTree(call: Call): Promise<void> {
  await call.stream('application/octet-stream', await call.services.files.export(ref(call)))
}

export const fileRoutes: Route[] = [
  head('/containers/{id*}/archive', stat),
  get('/containers/{id*}/archive', read),
  put('/containers/{id*}/archive', write),
  get('/containers/{id*}/changes', changes),
  get('/containers/{id*}/export', exportTree),
]

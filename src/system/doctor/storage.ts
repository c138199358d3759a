/** Where layers and containers are kept. */

import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { whyNoOverlay } from '../../snapshots/overlay-support.ts'
import { fileSystemOf } from '../host.ts'
import { type Finding, ok, problem, type Subject, warning } from './finding.ts'

/** Less than this, and a usual image does not fit. */
const SCARCE_BYTES = 2 * 1024 ** 3
const GIB = 1024 ** 3

export async function examineStorage({ dataRoot }: Subject): Promise<Finding[]> {
  const existing = nearestExisting(dataRoot)
  return [await overlay(existing, dataRoot), space(existing, dataRoot)]
}

function nearestExisting(path: string): string {
  let folder = path
  while (!existsSync(folder)) folder = dirname(folder)
  return folder
}

async function overlay(existing: string, dataRoot: string): Promise<Finding> {
  const type = await fileSystemOf(existing)
  let scratch: string
  try {
    scratch = mkdtempSync(join(existing, '.skiff-doctor-'))
  } catch (error) {
    return problem('storage', {
      found: `${dataRoot} cannot be written to: ${(error as Error).message}`,
      consequence: 'skiffd does not start',
      remedy: 'choose another folder with --data-root',
    })
  }
  try {
    const why = whyNoOverlay(scratch)
    if (why === null) return ok('storage', `overlay works on ${dataRoot} (${type})`)
    return warning('storage', {
      found: `overlay does not work on ${dataRoot} (${type})`,
      consequence: 'each container gets a copy of its image: slower, and it takes the space again',
      remedy: 'put the data-root on ext4, xfs, btrfs or tmpfs: in a container, on a volume (-v skiff:/var/lib/skiff)',
    })
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function space(existing: string, dataRoot: string): Finding {
  const { bavail, bsize } = statfsSync(existing)
  const free = bavail * bsize
  const found = `${(free / GIB).toFixed(1)} GiB free at ${dataRoot}`
  if (free >= SCARCE_BYTES) return ok('space', found)
  return warning('space', {
    found,
    consequence: 'pulls and builds may fail with "no space left on device"',
    remedy: 'skiff system prune --volumes, or --data-root on a larger disk',
  })
}

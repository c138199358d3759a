/** The contract of src/cgroups on each view that this machine has. The virtual machine of test/vm has v2 alone. */

import { describe } from 'vitest'
import { type Layout, readLayout } from '../../src/cgroups/layout.ts'
import { cgroupsContract } from './cgroups-contract.ts'

const layout = readLayout()
const only = (version: 1 | 2): Layout => ({
  ...layout,
  hierarchies: layout.hierarchies.filter(hierarchy => hierarchy.version === version),
})
const legacy = layout.hierarchies.some(({ controllers }) => controllers.includes('memory'))
const unified = layout.hierarchies.some(({ version }) => version === 2)

describe.skipIf(!legacy)('cgroups: legacy', () => cgroupsContract(() => only(1)))
describe.skipIf(!legacy || !unified)('cgroups: hybrid', () => cgroupsContract(() => layout))
// Beside v1 the unified hierarchy has hardly a controller to show.
describe.skipIf(!unified || legacy)('cgroups: unified', () => cgroupsContract(() => only(2)))

/** Whose subordinate ids containers get. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkKernel, type IdFiles, openUserNamespace, subordinateIds } from '../../../src/daemon/userns-remap.ts'
import { disposeLater } from '../../support/disposal.ts'
import { RUN } from '../../support/machine.ts'

let files: IdFiles
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), `skiff-test-${RUN}-ids-`))
  disposeLater(() => rm(folder, { recursive: true }))
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  files = {
    passwd: await file('passwd', 'root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n'),
    group: await file('group', 'root:x:0:\nann:x:1000:\nstaff:x:50:\n'),
    subuid: await file('subuid', '# comment\nann:100000:1000\nann:300000:65536\n1001:400000:65536\n'),
    subgid: await file('subgid', 'ann:200000:65536\nstaff:500000:65536\n'),
  }
})

const ann = [
  { inside: 0, outside: 100_000, count: 1000 },
  { inside: 1000, outside: 300_000, count: 65_536 },
]

describe('userns-remap', () => {
  it('takes a user by name or number, with all ranges one after the other', async () => {
    const gids = [{ inside: 0, outside: 200_000, count: 65_536 }]
    expect(await subordinateIds('ann', files)).toEqual({ uids: ann, gids })
    expect(await subordinateIds('1000', files)).toEqual({ uids: ann, gids })
  })

  it('takes another group', async () => {
    const gids = [{ inside: 0, outside: 500_000, count: 65_536 }]
    expect(await subordinateIds('ann:staff', files)).toEqual({ uids: ann, gids })
    expect(await subordinateIds('1000:50', files)).toEqual({ uids: ann, gids })
  })

  it('knows ranges that are listed by number', async () => {
    const { uids } = await subordinateIds('bob:ann', files)
    expect(uids).toEqual([{ inside: 0, outside: 400_000, count: 65_536 }])
  })

  it.each([
    ['nobody', 'no such user: "nobody"'],
    ['ann:nobody', 'no such group: "nobody"'],
    ['root', 'no subuid ranges found for user "root"'],
    ['bob', 'no subgid ranges found for user "bob"'],
    [':', 'no such user: ""'],
  ])('refuses %s', async (setting, message) => {
    await expect(subordinateIds(setting, files)).rejects.toThrow(`Can't create ID mappings: ${message}`)
  })

  it('default takes the ranges of dockremap where there are any', async () => {
    await writeFile(files.subuid, 'dockremap:700000:65536\n')
    await writeFile(files.subgid, 'dockremap:800000:65536\n')
    const { uids, gids } = await subordinateIds('default', files)
    expect([uids[0]?.outside, gids[0]?.outside]).toEqual([700_000, 800_000])
  })

  it('default adds ranges of its own, beyond all others, once', async () => {
    const first = await subordinateIds('default', files)
    expect(first.uids).toEqual([{ inside: 0, outside: 565_536, count: 65_536 }])
    expect(first.gids).toEqual(first.uids)
    expect(await subordinateIds('default', files)).toEqual(first)
    expect(await readFile(files.subuid, 'utf8')).toMatch(/\nskiffremap:565536:65536\n$/)
  })

  it('needs a kernel whose overlay takes idmapped layers', async () => {
    expect(() => checkKernel('5.14.0-427.el9.x86_64')).toThrow('userns-remap needs Linux 5.19 or later')
    expect(() => checkKernel('5.19.0')).not.toThrow()
    expect(() => checkKernel('6.1.0-18-amd64')).not.toThrow()
    expect(await openUserNamespace('')).toBeNull()
  })
})

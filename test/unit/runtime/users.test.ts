import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readUserDatabase, resolveUser } from '../../../src/runtime/users.ts'

const database = {
  passwd: `root:x:0:0:root:/root:/bin/sh
# a comment
app:x:1000:1001:App:/home/app:/bin/sh
1234:x:77:78::/home/odd:/bin/sh
broken:x:none:0::/:/bin/sh
`,
  group: `root:x:0:
wheel:x:10:root,app
app:x:1001:
docker:x:999:app
`,
}
const resolve = (spec: string, groupAdd: string[] = []) => resolveUser(spec, groupAdd, database)

describe('a user', () => {
  it.each([
    ['', { uid: 0, gid: 0, groups: [0, 10], home: '/root' }],
    ['root', { uid: 0, gid: 0, groups: [0, 10], home: '/root' }],
    ['app', { uid: 1000, gid: 1001, groups: [1001, 10, 999], home: '/home/app' }],
    ['1000', { uid: 1000, gid: 1001, groups: [1001, 10, 999], home: '/home/app' }],
    ['app:wheel', { uid: 1000, gid: 10, groups: [10], home: '/home/app' }],
    ['app:5', { uid: 1000, gid: 5, groups: [5], home: '/home/app' }],
    ['4711', { uid: 4711, gid: 0, groups: [0], home: '/' }],
    ['4711:4712', { uid: 4711, gid: 4712, groups: [4712], home: '/' }],
    // A number is a uid, whoever may be called so.
    ['1234', { uid: 1234, gid: 0, groups: [0], home: '/' }],
  ])('%j is found by the rules of Docker', (spec, expected) => {
    expect(resolve(spec)).toEqual(expected)
  })

  it('gets the groups of --group-add too, by name or number, each once', () => {
    expect(resolve('app:app', ['wheel', '10', '555']).groups).toEqual([1001, 10, 555])
  })

  it.each([
    ['nobody', 'unable to find user nobody: no matching entries in passwd file'],
    ['broken', 'unable to find user broken: no matching entries in passwd file'],
    ['app:nogroup', 'unable to find group nogroup: no matching entries in group file'],
    ['99999999999', 'uids and gids must be in range 0-2147483647'],
    ['-1', 'uids and gids must be in range 0-2147483647'],
    ['1:99999999999', 'uids and gids must be in range 0-2147483647'],
  ])('%j is refused', (spec, words) => {
    expect(() => resolve(spec)).toThrow(words)
  })

  it('of a group that is not there is refused', () => {
    expect(() => resolve('', ['nope'])).toThrow('Unable to find group nope: no matching entries in group file')
  })

  it('needs no files to be a number', () => {
    expect(resolveUser('', [], { passwd: null, group: null })).toEqual({ uid: 0, gid: 0, groups: [0], home: '/' })
    expect(resolveUser('7:8', [], { passwd: null, group: null })).toMatchObject({ uid: 7, gid: 8 })
  })
})

describe('the files of an image', () => {
  const rootWith = async (make: (root: string) => Promise<void>): Promise<number> => {
    const root = await mkdtemp(join(tmpdir(), 'skiff-users-'))
    await mkdir(join(root, 'etc'))
    await make(root)
    const fd = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY)
    onTestFinished(async () => {
      closeSync(fd)
      await rm(root, { recursive: true })
    })
    return fd
  }

  it('are read through symlinks that stay inside', async () => {
    const fd = await rootWith(async root => {
      await mkdir(join(root, 'data'))
      await writeFile(join(root, 'data/passwd'), 'inside:x:1:1::/:/bin/sh\n')
      await symlink('/data/passwd', join(root, 'etc/passwd'))
      await symlink('../../../../../../etc/group', join(root, 'etc/group-link'))
      await symlink('../../../../../../etc/hostname', join(root, 'etc/group'))
    })
    expect(readUserDatabase(fd)).toEqual({ passwd: 'inside:x:1:1::/:/bin/sh\n', group: null })
  })

  it('that are no files are refused, without waiting for their other end', async () => {
    const fd = await rootWith(async root => void execFileSync('mkfifo', [join(root, 'etc/passwd')]))
    expect(() => readUserDatabase(fd)).toThrow('/etc/passwd of the image is not a regular file')
  })
})

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeTree, removeTreeNow } from '../../../src/kernel/small-tree.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'skiff-small-tree-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const ways = [
  ['removeTree', removeTree],
  ['removeTreeNow', async (path: string) => removeTreeNow(path)],
] as const

for (const [name, remove] of ways) {
  test(`${name}: files, folders and links, but not what links point to`, async () => {
    const kept = join(folder, 'kept')
    mkdirSync(kept)
    writeFileSync(join(kept, 'file'), 'x')
    const tree = join(folder, 'tree')
    mkdirSync(join(tree, 'work', 'work'), { recursive: true })
    writeFileSync(join(tree, 'root.json'), '{}')
    symlinkSync(kept, join(tree, 'link'))
    await remove(tree)
    expect(readdirSync(folder)).toEqual(['kept'])
    expect(readdirSync(kept)).toEqual(['file'])
  })

  test(`${name}: more than is deleted at once, and large files`, async () => {
    const tree = join(folder, 'tree')
    for (let i = 0; i < 60; i++) mkdirSync(join(tree, `${i}`, 'below'), { recursive: true })
    await remove(tree)
    mkdirSync(tree)
    writeFileSync(join(tree, 'log'), '')
    truncateSync(join(tree, 'log'), 64 * 1024 * 1024)
    await remove(tree)
    expect(existsSync(tree)).toBe(false)
  })

  test(`${name}: what is not there, and what is no folder`, async () => {
    await remove(join(folder, 'nothing'))
    writeFileSync(join(folder, 'file'), 'x')
    await remove(join(folder, 'file'))
    expect(readdirSync(folder)).toEqual([])
  })
}

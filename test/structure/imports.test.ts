/** The rules of DESIGN.md about who imports whom, checked on every file of src. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/**
 * Who stands on whom, directly; a room may import what is reached from it. cli and compose know the daemon by HTTP alone,
 * and nothing may import daemon, which is why it is not named on the right.
 */
const STANDS_ON: Record<string, string[]> = {
  kernel: [],
  netlink: ['kernel'],
  cgroups: ['kernel'],
  program: ['kernel'],
  snapshots: ['kernel'],
  // A root's mounts are data that snapshots returns and the runtime performs.
  runtime: ['program', 'cgroups', 'snapshots'],
  images: ['snapshots'],
  networks: ['netlink'],
  volumes: ['kernel'],
  containers: ['runtime', 'snapshots', 'images', 'networks', 'volumes'],
  build: ['containers'],
  system: ['containers'],
  api: ['build', 'system'],
  client: [],
  compose: ['client'],
  cli: ['compose'],
}

interface Import {
  file: string
  /** The room of the importing file. */
  from: string
  /** A path from src, or a package, or node:… */
  target: string
  isPath: boolean
}

const SRC = fileURLToPath(new URL('../../src/', import.meta.url))
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
const textOf = (file: string): string => readFileSync(join(SRC, file), 'utf8')
const roomOf = (path: string): string => path.split('/')[0] ?? ''

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`, `new URL('./x.ts', import.meta.url)`. */
const IMPORT = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\bnew URL\(\s*(?='\.))'([^']+)'/g

function importsOf(file: string): Import[] {
  return [...textOf(file).matchAll(IMPORT)].map(([, target = '']) => ({
    file,
    from: roomOf(file),
    target: target.startsWith('.') ? normalize(join(dirname(file), target)) : target,
    isPath: target.startsWith('.'),
  }))
}

const imports = files.flatMap(importsOf)
const isInside = ({ target }: Import): boolean => files.includes(target)

/** Every room that can be reached from one. */
function below(room: string): Set<string> {
  const reached = new Set<string>()
  const visit = (name: string): void => {
    for (const next of STANDS_ON[name] ?? []) {
      if (reached.has(next)) continue
      reached.add(next)
      visit(next)
    }
  }
  visit(room)
  return reached
}

const show = ({ file, target }: Import): string => `src/${file} imports ${target}`

describe('imports', () => {
  test('are found at all', () => {
    expect(files.length).toBeGreaterThan(0)
    expect(imports.some(isInside)).toBe(true)
  })

  test('name files that exist', () => {
    const sources = imports.filter(({ isPath, target }) => isPath && target.endsWith('.ts'))
    expect(sources.filter(item => !isInside(item)).map(show)).toEqual([])
  })

  test('every room is known', () => {
    const rooms = new Set(files.filter(file => file.includes('/')).map(roomOf))
    expect([...rooms].filter(room => room !== 'daemon' && !(room in STANDS_ON))).toEqual([])
  })

  test('point downwards only', () => {
    const upward = imports.filter(isInside).filter(({ from, target }) => {
      const to = roomOf(target)
      return from !== to && from !== 'daemon' && !below(from).has(to)
    })
    expect(upward.map(show)).toEqual([])
  })

  test('the order of rooms has no cycle', () => {
    expect(Object.keys(STANDS_ON).filter(room => below(room).has(room))).toEqual([])
  })

  test('only src/kernel knows FFI', () => {
    const ffi = imports.filter(({ target }) => /^(ffi|ref)-napi/.test(target))
    expect(ffi.length).toBeGreaterThan(0)
    expect(ffi.filter(({ from }) => from !== 'kernel').map(show)).toEqual([])
  })

  test('of packages are declared in package.json; node: is written out', () => {
    const declared = JSON.parse(readFileSync(join(SRC, '../package.json'), 'utf8')).dependencies
    const nameOf = (target: string): string =>
      target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/')
    const unknown = imports.filter(
      ({ isPath, target }) => !isPath && !/^node:/.test(target) && !(nameOf(target) in declared),
    )
    expect(unknown.map(show)).toEqual([])
  })
})

describe('files', () => {
  test('are named in kebab-case', () => {
    const wrong = files.filter(
      file => !file.split('/').every(part => /^[a-z0-9]+(-[a-z0-9]+)*(\.d)?(\.ts)?$/.test(part)),
    )
    expect(wrong).toEqual([])
  })

  test('none is called utils, helpers or common', () => {
    expect(files.filter(file => /(^|\/)(utils?|helpers?|common|misc)(\/|\.ts$)/.test(file))).toEqual([])
  })

  test('a command gets its surroundings as a session: only the entries of src/cli touch process', () => {
    const entries = ['cli/main.ts', 'cli/launched/worker.ts', 'cli/launched/print-frames.ts']
    const commands = files.filter(file => roomOf(file) === 'cli' && !entries.includes(file))
    // Not in comments or strings, and not as a property of something else.
    // What Node and the machine are is the same for every session.
    const constants = /^import \{ (?:(?:arch|platform|version as nodeVersion)(?:, )?)+ \} from 'node:process'$/m
    const touches = (file: string): boolean =>
      /(?<![\w.'"`-])process\s*[.[]|from 'node:process'/.test(textOf(file).replace(constants, ''))
    expect(commands.filter(touches)).toEqual([])
  })
})

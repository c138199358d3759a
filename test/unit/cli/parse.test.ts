/** Docker's spelling of command lines. */

import { describe, expect, test } from 'vitest'
import { bool, filter, int, list, map, string, strings } from '../../../src/cli/parse/flag.ts'
import { parse } from '../../../src/cli/parse/parse.ts'

const FLAGS = {
  all: bool('', { short: 'a' }),
  env: list('', { short: 'e', aliases: ['environment'] }),
  filter: filter('', { short: 'f' }),
  interactive: bool('', { short: 'i' }),
  last: int('', { short: 'n', initial: -1 }),
  name: string(''),
  'no-healthcheck': bool(''),
  opt: map('', { short: 'o' }),
  publish: list('', { short: 'p' }),
  'sig-proxy': bool('', { initial: true }),
  subnet: strings(''),
  tty: bool('', { short: 't' }),
}

const run = (line: string) => parse(line.split(' ').filter(Boolean), FLAGS, false)

describe('spelling', () => {
  test.each([
    ['-it', { interactive: true, tty: true }],
    ['-it=false', { interactive: true, tty: false }],
    ['--interactive --tty=false', { interactive: true, tty: false }],
    ['--sig-proxy=false', { 'sig-proxy': false }],
    ['--sig-proxy', { 'sig-proxy': true }],
    ['--no-healthcheck', { 'no-healthcheck': true }],
    ['-p80:80 -p 81:81 -p=82:82 --publish=83:83 --publish 84', { publish: ['80:80', '81:81', '82:82', '83:83', '84'] }],
    ['-itp80:80', { interactive: true, tty: true, publish: ['80:80'] }],
    ['-e A -eB=c=d --env -x --environment Y', { env: ['A', 'B=c=d', '-x', 'Y'] }],
    ['-n 3', { last: 3 }],
    ['-n-1', { last: -1 }],
    ['--name=', { name: '' }],
    ['--name a --name b', { name: 'b' }],
    ['--name "quoted"', { name: '"quoted"' }],
    ['--name 007', { name: '007' }],
    ['-o a=b -o c -o a=d=e', { opt: { a: 'd=e', c: '' } }],
    ['--subnet a,b --subnet c', { subnet: ['a', 'b', 'c'] }],
    ['-f a=1 -f A=2 -f b=x=y', { filter: { a: ['1', '2'], b: ['x=y'] } }],
  ])('%s', (line, expected) => {
    expect(run(line).options).toMatchObject(expected)
  })

  test('what is not given has its initial value, and is known not to be given', () => {
    const { options, given } = run('-a')
    expect(options).toMatchObject({ last: -1, 'sig-proxy': true, env: [], name: '', filter: {}, opt: {} })
    expect([...given]).toEqual(['all'])
  })

  test('the first positional ends the flags of run', () => {
    expect(run('-i image -t --all -- x')).toMatchObject({
      options: { tty: false },
      args: ['image', '-t', '--all', '--', 'x'],
    })
  })

  test('flags may follow positionals elsewhere, up to --', () => {
    const { options, args } = parse(['x', '-a', '-', '--', '-t'], FLAGS, true)
    expect(options).toMatchObject({ all: true, tty: false })
    expect(args).toEqual(['x', '-', '-t'])
  })
})

test.each([
  ['--nope', 'unknown flag: --nope'],
  ['--', undefined],
  ['-Zx', "unknown shorthand flag: 'Z' in -Zx"],
  ['-iZ', "unknown shorthand flag: 'Z' in -Z"],
  ['--=x', 'bad flag syntax: --=x'],
  ['---x', 'bad flag syntax: ---x'],
  ['--name', 'flag needs an argument: --name'],
  ['-te', "flag needs an argument: 'e' in -e"],
  ['--tty=maybe', 'invalid argument "maybe" for "-t, --tty" flag: strconv.ParseBool: parsing "maybe": invalid syntax'],
  ['-n x', 'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  ['-f a=1 -f b', 'invalid argument "b" for "-f, --filter" flag: bad format of filter (expected name=value)'],
  ['--constructor', 'unknown flag: --constructor'],
  ['--__proto__=x', 'unknown flag: --__proto__'],
])('refuses %s', (line, message) => {
  if (message === undefined) expect(run(line).args).toEqual([])
  else expect(() => run(line)).toThrow(message)
})

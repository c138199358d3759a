import { expect, test } from 'vitest'
import { parseRunMount } from '../../../src/build/mounts/parse.ts'

const parse = (text: string) => parseRunMount(text, word => word.replace('$D', '/dir'))

test.each([
  ['target=/a', { type: 'bind', target: '/a', readonly: null }],
  ['type=bind,from=x,src=/s,dst=$D,rw', { from: 'x', source: '/s', target: '/dir', readonly: false }],
  [
    'type=cache,target=/c,id=i,sharing=locked,mode=0700,uid=5,gid=6',
    { id: 'i', sharing: 'locked', mode: 0o700, uid: 5, gid: 6 },
  ],
  ['type=tmpfs,target=/t,size=1m', { type: 'tmpfs', sizeBytes: 1048576 }],
  ['type=secret,id=s,required', { type: 'secret', id: 's', required: true }],
  ['type=secret,target=/a/name,mode=0440', { target: '/a/name', mode: 0o440 }],
  ['type=ssh', { type: 'ssh', id: '' }],
  ['type=bind,"target=/with,comma"', { target: '/with,comma' }],
])('%s', (text, expected) => {
  expect(parse(text)).toMatchObject(expected)
})

test.each([
  ['type=nope,target=/a', 'unsupported mount type "nope"'],
  ['type=bind', '--mount=type=bind requires a target'],
  ['type=cache,target=/', 'invalid mount target "/"'],
  ['type=tmpfs,target=/a,id=x', "unexpected key 'id'"],
  ['type=cache,target=/a,sharing=mine', 'unsupported sharing value "mine"'],
  ['type=cache,target=/a,mode=9', 'invalid value 9 for mode'],
  ['type=tmpfs,target=/a,size=big', "invalid size: 'big'"],
  ['type=secret', 'invalid secret mount'],
  ['type=bind,target=/a,ro=perhaps', 'invalid value for ro'],
])('%s is refused', (text, message) => {
  expect(() => parse(text)).toThrow(message.replace('for ro', 'for readonly'))
})

/** A Dockerfile's grammar. Dockerfile reference. */

import { describe, expect, test } from 'vitest'
import { parseDockerfile } from '../../../src/build/dockerfile/parse.ts'

const parse = (...lines: string[]) => parseDockerfile(lines.join('\n')).instructions
const only = (line: string) => parse(line)[0]

describe('lines', () => {
  test('go on behind an escape character, over comments and empty lines', () => {
    expect(parse('FROM a', 'run one \\', '  # said in between', '', '  two \\   ', '  three')[1]).toMatchObject({
      command: { form: 'shell', line: 'one   two   three' },
      location: { line: 2, endLine: 6 },
    })
  })

  test('an escaped escape character at the end does not continue', () => {
    expect(parse('FROM a', 'RUN echo \\\\', 'RUN true')).toHaveLength(3)
  })

  test('directives are read at the top only', () => {
    const file = parseDockerfile('# syntax=docker/dockerfile:1\n# escape=`\nFROM a\n# escape=\\\nRUN x`\ny')
    expect(file).toMatchObject({ syntax: 'docker/dockerfile:1', escapeChar: '`' })
    expect(file.instructions[1]).toMatchObject({ command: { line: 'xy' } })
  })

  test('a byte order mark and CRLF are no part of it', () => {
    expect(parse('\uFEFFFROM a\r', 'RUN b\r')).toMatchObject([{ image: 'a' }, { command: { line: 'b' } }])
  })
})

describe('here-documents', () => {
  test('alone they are the script', () => {
    expect(parse('RUN <<EOF', 'a', ' b', 'EOF', 'RUN c')).toMatchObject([
      { command: { line: 'a\n b\n' } },
      { command: { line: 'c' } },
    ])
  })

  test('behind a command they are its input, which the shell reads', () => {
    expect(parse('RUN cat <<A <<-"B" >x', 'one', 'A', '\ttwo', '\tB')[0]).toMatchObject({
      command: { line: 'cat <<A <<-"B" >x\none\nA\ntwo\nB\n' },
    })
  })

  test('as files, expanded unless their name is quoted', () => {
    expect(parse("COPY <<one.txt <<'two' a /to/", '$x', 'one.txt', '$y', 'two')[0]).toMatchObject({
      paths: ['a'],
      target: '/to/',
      heredocs: [
        { name: 'one.txt', content: '$x\n', expand: true },
        { name: 'two', content: '$y\n', expand: false },
      ],
    })
  })
})

test.each([
  ['CMD ["a", "b"]', { kind: 'cmd', command: { form: 'exec', argv: ['a', 'b'] } }],
  ["CMD ['a']", { kind: 'cmd', command: { form: 'shell', line: "['a']" } }],
  ['ENV a b c', { pairs: [['a', 'b c']] }],
  [
    'ENV a="b c" d=e\\ f',
    {
      pairs: [
        ['a', '"b c"'],
        ['d', 'e\\ f'],
      ],
    },
  ],
  [
    'ARG a b=c',
    {
      args: [
        { name: 'a', value: undefined },
        { name: 'b', value: 'c' },
      ],
    },
  ],
  ['FROM --platform=$X a:1 As B.c-d', { image: 'a:1', name: 'b.c-d', platform: '$X' }],
  [
    'COPY --chown=1:2 --link --exclude=a --exclude=b --from=x a /b',
    { chown: '1:2', link: true, exclude: ['a', 'b'], from: 'x' },
  ],
  ['ADD --checksum=sha256:x --keep-git-dir=false a b', { checksum: 'sha256:x', paths: ['a'] }],
  ['COPY ["a b", "c"]', { paths: ['a b'], target: 'c' }],
  [
    'RUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/b --network=none x',
    { mounts: ['type=cache,target=/a', 'type=tmpfs,target=/b'], network: 'none' },
  ],
  ['HEALTHCHECK --retries=2 CMD a b', { health: { test: ['CMD-SHELL', 'a b'], retries: '2' } }],
  ['HEALTHCHECK none', { health: { test: ['NONE'] } }],
  ['ONBUILD run a', { kind: 'onbuild', text: 'run a' }],
])('%s', (line, expected) => {
  expect(only(line)).toMatchObject(expected)
})

test.each([
  ['FOO x', 'dockerfile parse error on line 1: unknown instruction: FOO'],
  ['FROM', 'FROM requires at least one argument'],
  ['FROM a b', 'FROM requires either one or three arguments'],
  ['FROM a AS 1', 'invalid name for build stage: "1"'],
  ['RUN', 'RUN requires at least one argument'],
  ['RUN --network=mine x', 'unsupported network mode "mine"'],
  ['RUN --security=insecure x', 'RUN --security=insecure is refused'],
  ['RUN <<EOF\nx', 'unterminated heredoc'],
  ['COPY --chown a b', 'Missing a value on flag: chown'],
  ['COPY --link=maybe a b', 'Expecting boolean value for flag link'],
  ['COPY --from=a --from=b a b', 'Duplicate flag specified: from'],
  ['ENV a', 'ENV must have two arguments'],
  ['ENV =b', 'ENV names can not be blank'],
  ['LABEL a=b c', `Syntax error - can't find = in "c"`],
  ['ONBUILD FROM a', "FROM isn't allowed as an ONBUILD trigger"],
  ['ONBUILD ONBUILD RUN a', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ['HEALTHCHECK PING x', 'Unknown type "PING" in HEALTHCHECK (try CMD)'],
  ['VOLUME []', 'VOLUME requires at least one argument'],
  ['# escape=x\nFROM a', "invalid ESCAPE 'x'"],
  ['\n# only\n', 'file with no instructions'],
])('%s is refused', (text, message) => {
  expect(() => parseDockerfile(text)).toThrow(message)
})

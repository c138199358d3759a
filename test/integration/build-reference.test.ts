/** Every instruction beside the reference engine's classic builder: the same configuration, history and files, the same refusals. */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Dockerfile's own variables

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BuildOptions, build, buildOk, contextOf, type Files, treeOf } from '../support/build.ts'
import { describeImage, historyOf } from '../support/build-compare.ts'
import { cliOk } from '../support/cli.ts'
import type { Pair } from '../support/compare.ts'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { importBusybox } from '../support/images.ts'
import { temporaryFolder } from '../support/layer-room.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let engines: Pair<Engine>
beforeAll(async () => {
  const [skiff, docker] = await Promise.all([startDaemon(), startReferenceEngine()])
  engines = { skiff, docker }
  await Promise.all([importBusybox(skiff), importBusybox(docker)])
  const trigger = {
    Dockerfile: 'FROM busybox\nONBUILD ARG WHO=nobody\nONBUILD RUN echo $WHO >/trigger\nONBUILD COPY a /from-trigger',
  }
  await Promise.all([skiff, docker].map(engine => buildOk(engine, trigger, { query: { t: 'triggers' } })))
})

const BASE = { networkmode: 'none' }

async function same(dockerfile: string, files: Files = {}, options: BuildOptions = {}): Promise<void> {
  const query = { ...BASE, ...options.query }
  const [skiff, docker] = await Promise.all(
    [engines.skiff, engines.docker].map(async engine => {
      const id = await buildOk(engine, { ...files, Dockerfile: dockerfile }, { ...options, query })
      return { ...(await describeImage(engine, id)), history: await historyOf(engine, id) }
    }),
  )
  expect(skiff).toEqual(docker)
}

const archive = async (): Promise<Buffer> =>
  gzipSync(
    await contextOf({
      'top/': { uid: 7, gid: 8, mode: 0o750 } as never,
      'top/in': 'in the archive',
      'top/link': { type: 'symlink', linkname: 'in' },
      hard: { type: 'link', linkname: 'top/in' },
    }),
  )

const FILES: Files = {
  a: 'first',
  b: 'second',
  'run.sh': '#!/bin/sh\necho ran',
  'dir/': {} as never,
  'dir/x': 'ecks',
  'dir/sub/': { mode: 0o700 } as never,
  'dir/sub/y': 'why',
  'dir/link': { type: 'symlink', linkname: 'x' },
  'link-to-a': { type: 'symlink', linkname: 'a' },
  'a b': 'with a blank',
}

describe('the same image', () => {
  test('RUN in shell and exec form, with variables, users and folders', () =>
    same(
      [
        'FROM busybox',
        'RUN echo one >/one && \\',
        '    # a comment in between',
        '    echo two >/two',
        'RUN ["sh", "-c", "echo $0 three >/three"]',
        'ENV WHO=world PATH=/opt:$PATH',
        'RUN echo "hello $WHO" >/hello; env | sort | grep -v HOSTNAME >/env',
        'WORKDIR /tmp/made/here',
        'RUN chmod 777 /tmp',
        'USER 1000:1000',
        'RUN pwd >/tmp/pwd; id >/tmp/id',
        'USER root',
        'RUN rm /one && mkdir /empty && chmod 1777 /empty && ln -s /two /link',
        'SHELL ["/bin/sh", "-ec"]',
        'RUN true',
      ].join('\n'),
    ))

  test('CMD, ENTRYPOINT, and what one does to the other', async () => {
    await same('FROM busybox\nENTRYPOINT ["/bin/echo", "a b"]\nCMD ["c"]')
    await same('FROM busybox\nCMD echo $HOME\nENTRYPOINT exec top -b')
    await same('FROM busybox\nENTRYPOINT []\nCMD []')
    await same('FROM busybox\nSHELL ["/bin/ash", "-c"]\nCMD echo x\nRUN echo y >/y')
  })

  test('ENV, LABEL, ARG, and their scopes', () =>
    same(
      [
        'ARG TAG=latest',
        'FROM busybox:${TAG}',
        'ARG A=one',
        'ARG B',
        'ARG UNSET',
        'ENV C="$A and $B" D=${UNSET:-default} E=${A:+there} F=it\\ is\\ escaped',
        'ENV OLD form of  it',
        'LABEL a=$A b=\'$A\' "c d"="e f" multi="x\\',
        '  y"',
        'LABEL old form',
        'MAINTAINER somebody <some@body>',
        'RUN echo "$A $B $UNSET" >/args',
        'ENV A=env',
        'RUN echo "$A" >/covered',
        'ARG A=again',
        'RUN echo "$A" >/still-covered',
      ].join('\n'),
      {},
      {
        query: { buildargs: { B: 'given', NOBODY: 'x', HTTP_PROXY: 'http://proxy' }, labels: { z: 'last', y: "it's" } },
      },
    ))

  test('EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, ONBUILD, USER, WORKDIR', () =>
    same(
      [
        'FROM busybox',
        'ENV PORT=80 DIR=/data',
        'expose $PORT 443/tcp 53/udp 8000-8002',
        'VOLUME /v1 $DIR',
        'Volume ["/v2", "/v 3"]',
        'STOPSIGNAL SIGQUIT',
        'HEALTHCHECK --interval=1m30s --timeout=3s --start-period=5s --retries=4 CMD wget -q localhost || exit 1',
        'ONBUILD RUN echo later',
        'ONBUILD COPY . /src',
        'WORKDIR /a',
        'WORKDIR b//c/..',
        'WORKDIR $DIR/x',
        'USER ${PORT}:daemon',
      ].join('\n'),
    ))

  test('HEALTHCHECK in exec form and NONE', async () => {
    await same('FROM busybox\nHEALTHCHECK CMD ["true", "x"]')
    await same('FROM busybox\nHEALTHCHECK NONE')
  })

  test('COPY of files, folders, links and patterns', () =>
    same(
      [
        'FROM busybox',
        'COPY a /file',
        'COPY a /folder/',
        'COPY a b /both/',
        'COPY dir /dir',
        'COPY dir/ /etc',
        'COPY . /all/',
        'COPY r*n.?h [ab] /globbed/',
        'COPY link-to-a /followed',
        'COPY ["a b", "/with blank/"]',
        'WORKDIR /work',
        'COPY a .',
        'COPY dir sub',
        'COPY b ./renamed',
        'RUN mkdir /real && ln -s /real /alias && ln -s /nowhere/real /real/x',
        'COPY a /alias/',
        'COPY dir /alias',
        'COPY run.sh /bin/',
      ].join('\n'),
      FILES,
    ))

  test('COPY --chown, and --from with what is there', () =>
    same(
      [
        'FROM busybox AS first',
        'RUN mkdir -p /out/d && echo x >/out/d/x && chown -R 5:6 /out && chmod 4755 /out/d/x && ln -s d/x /out/l',
        'COPY --chown=12:34 dir /owned',
        'COPY --chown=daemon a /named',
        'COPY --chown=9 a b /new/folder/',
        'FROM busybox AS second',
        'COPY --from=first /out /in',
        'COPY --from=0 /out/d/x /out/l /files/',
        'COPY --from=busybox /bin/busybox /copied',
        'FROM second',
        'COPY --from=first /owned /owned',
      ].join('\n'),
      FILES,
    ))

  test('ADD of archives and files', async () =>
    same(
      'FROM busybox\nADD t.tar.gz /unpacked\nADD t.tar.gz a /several/\nCOPY t.tar.gz /kept\nADD dir /d\nADD --chown=3 a /a',
      {
        ...FILES,
        't.tar.gz': await archive(),
      },
    ))

  test('ONBUILD triggers of the base', () =>
    same('FROM triggers\nRUN echo after >/after', FILES, { query: { buildargs: { WHO: 'me' } } }))

  test('stages: by name, upon each other, one that nobody needs, --target', async () => {
    const dockerfile = [
      'FROM busybox AS base',
      'RUN echo base >/base',
      'FROM base AS unused',
      'RUN exit 1',
      'FROM base AS Final',
      'RUN echo final >/final',
      'FROM base',
      'RUN echo last >/last',
    ]
    const files = { Dockerfile: dockerfile.join('\n') }
    const [skiff, docker] = await Promise.all(
      [engines.skiff, engines.docker].map(async engine =>
        treeOf(
          engine,
          await buildOk(
            engine,
            { Dockerfile: dockerfile.filter(line => !/unused|exit/.test(line)).join('\n') },
            { query: { target: 'final' } },
          ),
        ),
      ),
    )
    expect(skiff).toEqual(docker)
    // The classic builder runs it all the same.
    expect(await treeOf(engines.skiff, await buildOk(engines.skiff, files))).toContainEqual(
      expect.stringMatching(/^last /),
    )
  })

  test('FROM scratch', () => same('FROM scratch\nCOPY a /a\nCMD ["/a"]', FILES))

  test('.dockerignore, by the clients', async () => {
    const folder = await temporaryFolder()
    const write = (name: string, content: string) => writeFile(join(folder, name), content)
    for (const name of ['dir/sub', 'deep/er', 'logs/keep']) await mkdir(join(folder, name), { recursive: true })
    for (const name of [
      'a',
      'b',
      'A.md',
      'README.md',
      'dir/x',
      'dir/sub/y',
      'deep/er/z.tmp',
      'deep/er/z',
      'logs/1.log',
      'logs/keep/2.log',
    ])
      await write(name, name)
    await write('Dockerfile', 'FROM busybox\nCOPY . /all')
    const lists = [
      '# comment\n*.md\n!README.md\n**/*.tmp\n/dir/sub\nlogs\n!logs/keep\n  b  \n',
      '*\n!dir\ndir/s?b\n',
      'deep/../a\nDockerfile\n.dockerignore\nA.MD\n[b-c]\n',
    ]
    for (const list of lists) {
      await write('.dockerignore', list)
      const env = { DOCKER_BUILDKIT: '0' }
      await Promise.all([
        cliOk(engines.skiff, ['build', '-q', '-t', 'ignored', folder]),
        cliOk(engines.docker, ['build', '-q', '-t', 'ignored', folder], { env }),
      ])
      const [skiff, docker] = await Promise.all(
        [engines.skiff, engines.docker].map(engine => treeOf(engine, 'ignored')),
      )
      expect(skiff!.filter(line => line.startsWith('all'))).toEqual(docker!.filter(line => line.startsWith('all')))
    }
  })

  test('the escape directive', () => same('# escape=`\nFROM busybox\nRUN echo a`\n b >/x\nENV A=c:\\d B=`$A'))
})

test('an image that skiff has built runs in the reference engine, under the same id', async () => {
  const dockerfile =
    'FROM busybox AS b\nRUN mkdir /d && ln -s d /l\nFROM busybox\nCOPY --from=b --link /d /d\nRUN rm /bin/vi; echo x >/d/x\nCMD cat /d/x'
  const id = await buildOk(engines.skiff, { Dockerfile: dockerfile }, { query: { ...BASE, t: 'moved' } })
  const archive = await engines.skiff.api.stream('GET', '/images/moved/get')
  await engines.docker.api.request('POST', '/images/load', {
    body: archive,
    headers: { 'Content-Type': 'application/x-tar' },
  })
  expect((await engines.docker.api.get('/images/moved/json')).Id).toBe(id)
  expect(await cliOk(engines.docker, ['run', '--rm', '--network', 'none', 'moved'])).toBe('x')
  expect(await treeOf(engines.docker, 'moved')).toEqual(await treeOf(engines.skiff, 'moved'))
})

test('an argument that nobody declares is warned of in the same words', async () => {
  const query = { ...BASE, buildargs: { NOBODY: 'x', HTTP_PROXY: 'y', B: 'z' } }
  const [skiff, docker] = await Promise.all(
    [engines.skiff, engines.docker].map(async engine => {
      const { output } = await build(engine, { Dockerfile: 'FROM busybox\nARG B' }, { query })
      return output.split('\n').filter(line => line.startsWith('[Warning]'))
    }),
  )
  expect(skiff).toEqual(docker)
  expect(skiff).toHaveLength(1)
})

describe('the same refusal', () => {
  const refusals: [string, string, Files?][] = [
    ['an unknown instruction', 'FROM busybox\nFOO bar'],
    ['a command that fails', 'FROM busybox\nRUN echo said; exit 7'],
    ['a command that is not there', 'FROM busybox\nRUN ["/nope"]'],
    ['a missing file', 'FROM busybox\nCOPY nosuch /x'],
    ['a way out of the context', 'FROM busybox\nCOPY ../x /x'],
    ['several files to one name', 'FROM busybox\nCOPY a b /x', FILES],
    ['no FROM', 'RUN true'],
    ['an empty Dockerfile', ''],
    ['comments alone', '# nothing\n'],
    ['no Dockerfile at all', null as never],
    ['a target that is not there', 'FROM busybox'],
    ['a bad stage name', 'FROM busybox AS 1x'],
    ['a bad flag', 'FROM busybox\nCOPY --nope=1 a /x', FILES],
    ['a missing argument', 'FROM busybox\nCOPY a', FILES],
    ['a bad SHELL', 'FROM busybox\nSHELL /bin/sh'],
    ['a bad signal', 'FROM busybox\nSTOPSIGNAL SIGNOPE'],
    ['a user nobody knows', 'FROM busybox\nCOPY --chown=nobody-such a /x', FILES],
  ]
  test.each(refusals)('%s', async (name, dockerfile, files = {}) => {
    const query = { ...BASE, ...(name.includes('target') && { target: 'nope' }) }
    const context = { ...files, ...(dockerfile !== null && { Dockerfile: dockerfile }) }
    const [skiff, docker] = await Promise.all(
      [engines.skiff, engines.docker].map(engine => build(engine, context, { query })),
    )
    const shown = ({ error, code }: Awaited<ReturnType<typeof build>>) => ({ error: worded(error), code })
    expect(skiff!.status).toBeLessThan(500)
    expect(shown(skiff!)).toEqual(shown(docker!))
  })
})

/** Where Docker of today says more than Docker 20.10, skiff says the former; where it names its own folders nobody else can. */
const worded = (error: string): string =>
  error
    .replace(/^dockerfile parse error line (\d+):/, 'dockerfile parse error on line $1:')
    .replace(/^failed to create shim task: OCI runtime create failed: runc create failed: (.*): unknown$/, '$1')
    .replace(/^(COPY|ADD) failed: (?:.*: )?(forbidden path outside the build context: \S+ \(\)).*$/, '$1 failed: $2')

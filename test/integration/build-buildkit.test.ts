/**
 * Every instruction and every flag of `build` beside BuildKit as the reference engine has it: the same configuration and files. What came
 * to Dockerfiles later than that BuildKit is compared with a Dockerfile that says the same in the words of its time.
 */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Dockerfile's own variables

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createAgent } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contextOf } from '../support/build.ts'
import { type Description, describeImage } from '../support/build-compare.ts'
import { type CliResult, cli, cliOk } from '../support/cli.ts'
import type { Pair } from '../support/compare.ts'
import { startDaemon } from '../support/daemon.ts'
import type { Engine } from '../support/engine.ts'
import { fingerprint } from '../support/fingerprint.ts'
import { importBusybox } from '../support/images.ts'
import { temporaryFolder } from '../support/layer-room.ts'
import { startReferenceEngine } from '../support/reference-engine.ts'

let engines: Pair<Engine>
let room: string
let server: Server
let url: string
/** What the web server gives. */
let served: Buffer
beforeAll(async () => {
  room = await temporaryFolder()
  const [skiff, docker] = await Promise.all([startDaemon(), startReferenceEngine()])
  // Newer clients want a plug-in for BuildKit; the engine's own one does not.
  engines = { skiff, docker: { ...docker, command: ['/usr/bin/docker', '-H', `unix://${docker.socket}`] } }
  served = gzipSync(await contextOf({ 'in/': {} as never, 'in/f': 'in the archive' }))
  server = createServer((_, response) => response.end(served))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  await Promise.all([importBusybox(skiff), importBusybox(docker)])
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.tar.gz`
  FILES['a.tar.gz'] = served
})
afterAll(() => server.close())

/** A path's content; a target after an arrow makes a symlink. */
type Content = string | Buffer | { link: string }
const FILES: Record<string, Content> = {
  a: 'first',
  b: 'second',
  'x.txt': 'text',
  'run.sh': '#!/bin/sh\necho ran',
  'dir/x': 'ecks',
  'dir/y.md': 'why',
  'dir/sub/z.txt': 'zed',
  'dir/link': { link: 'x' },
  'to-a': { link: 'a' },
}

interface Case {
  dockerfile: string | string[]
  /** For the reference, where its own words are older. */
  older?: string[]
  files?: Record<string, Content>
  args?: string[]
  /** In the place of the folder. */
  context?: string
  stdin?: string
  env?: Record<string, string>
}

const lines = (text: string | string[]): string => (typeof text === 'string' ? text : text.join('\n'))
const LONG_AGO = 1_600_000_000

function folderOf(files: Record<string, Content>): string {
  const folder = mkdtempSync(join(room, 'context-'))
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      writeFileSync(path, content, { mode: name.endsWith('.sh') ? 0o755 : 0o644 })
      utimesSync(path, LONG_AGO, LONG_AGO)
    } else symlinkSync(content.link, path)
  }
  return folder
}

function buildOn(
  engine: Engine,
  { dockerfile, older, files = {}, args = [], context, stdin, env }: Case,
): Promise<CliResult> {
  const text = lines(engine.name === 'docker' ? (older ?? dockerfile) : dockerfile)
  const folder = folderOf({ ...FILES, ...files, Dockerfile: text })
  const words = ['build', '--network', 'none', '-t', 'built', ...args.map(word => word.replace('FOLDER', folder))]
  return cli(engine, [...words, context ?? folder], {
    env: { DOCKER_BUILDKIT: '1', ...env },
    ...(stdin !== undefined && { stdin }),
  })
}

async function onBoth<T>(work: (engine: Engine) => Promise<T>): Promise<[skiff: T, docker: T]> {
  return Promise.all([work(engines.skiff), work(engines.docker)])
}

async function same(one: Case, { withTimes = true } = {}): Promise<void> {
  const [skiff, docker] = await onBoth(async engine => {
    const { code, stderr } = await buildOn(engine, one)
    if (code !== 0) throw new Error(`${engine.name}: ${stderr}`)
    return describeImage(engine, 'built')
  })
  expect(withTimes ? skiff : timeless(skiff)).toEqual(withTimes ? docker : timeless(docker))
}

const timeless = (image: Description): Description => ({
  ...image,
  tree: image.tree.map(line => line.replace(/ \S+Z$/, '')),
})

describe('the same image', () => {
  test.each<[string, Case]>([
    [
      'FROM with --platform, ARG before it, stages upon stages, a number, scratch',
      {
        dockerfile: [
          'ARG TAG=latest',
          'FROM --platform=$BUILDPLATFORM busybox:${TAG} AS First',
          'ARG TAG',
          'RUN echo $TAG >/tag',
          'from first as second',
          'RUN echo 2 >/two',
          'FROM busybox',
          'COPY --from=0 /tag /',
          'COPY --from=second /two /tag /both/',
          'COPY --from=busybox:latest /etc/passwd /passwd',
        ],
      },
    ],
    [
      'ONBUILD of a stage',
      {
        dockerfile: [
          'FROM busybox AS base',
          'ONBUILD RUN echo x >/x',
          'ONBUILD ENV A=b',
          'FROM base AS next',
          'FROM next',
          'RUN touch /last',
        ],
      },
    ],
    [
      'RUN --mount=type=bind',
      {
        dockerfile: [
          'FROM busybox AS from',
          'RUN mkdir /d && echo data >/d/f',
          'FROM busybox',
          'RUN mkdir /out /ctx /d /bb && touch /out/rel',
          'RUN --mount=type=bind,target=/ctx cp /ctx/a /out/ && ! touch /ctx/no 2>/out/error',
          'RUN --mount=type=bind,source=dir,target=/ctx,rw touch /ctx/new && ls -R /ctx >/out/list',
          'RUN --mount=from=from,source=/d,target=/d cp /d/f /out/from',
          'RUN --mount=from=busybox,target=/bb ls /bb/bin >/out/programs',
          'WORKDIR /out',
          'RUN --mount=target=/out/rel,source=a cat rel >seen',
        ],
      },
    ],
    [
      'RUN --mount=type=cache and tmpfs',
      {
        dockerfile: [
          'FROM busybox AS from',
          'RUN mkdir /d && echo data >/d/f && chown 3:4 /d/f',
          'FROM busybox',
          'RUN mkdir /t /c /out',
          'RUN --mount=type=cache,target=/c,id=one,mode=0700,uid=5,gid=6 stat -c "%a %u %g" /c >/out/c; echo x >/c/x',
          'RUN --mount=type=cache,target=/c,id=one,mode=0700,uid=5,gid=6,sharing=locked cat /c/x >/out/again',
          'RUN --mount=type=cache,target=/c,from=from,source=/d stat -c "%n %u %g" /c/f >/out/filled',
          'RUN --mount=type=cache,target=/c,ro,id=two ! touch /c/x',
          'RUN --mount=type=tmpfs,target=/t touch /t/gone; stat -f -c %T /t >/out/t',
        ],
      },
    ],
    [
      'RUN --network=none, users and variables',
      {
        dockerfile: [
          'FROM busybox',
          'RUN --network=none ls /sys/class/net | wc -l >/net',
          'ENV WHO=me',
          'ARG ALSO=you',
          'USER 1000:1000',
          'RUN echo "$WHO $ALSO $HOME" >/tmp/who; id -u >/tmp/id',
          'RUN ["sh", "-c", "echo $0 $WHO >/tmp/exec"]',
        ],
        older: [
          'FROM busybox',
          'RUN ls /sys/class/net | wc -l >/net',
          'ENV WHO=me',
          'ARG ALSO=you',
          'USER 1000:1000',
          'RUN echo "$WHO $ALSO $HOME" >/tmp/who; id -u >/tmp/id',
          'RUN ["sh", "-c", "echo $0 $WHO >/tmp/exec"]',
        ],
      },
    ],
    [
      'secrets from files and variables',
      {
        dockerfile: [
          'FROM busybox',
          'RUN mkdir -p /run/secrets /out /x && touch /x/y /out/e /run/secrets/s',
          'RUN --mount=type=secret,id=s cat /run/secrets/s >/out/s; stat -c "%a %u:%g" /run/secrets/s >>/out/s',
          'RUN --mount=type=secret,id=s,target=/x/y,mode=0444,uid=3,gid=4 stat -c "%a %u:%g" /x/y >/out/placed',
          'RUN --mount=type=secret,id=e,dst=/out/e cat /out/e >/out/env',
          'RUN --mount=type=secret,id=missing ls -A /run/secrets >/out/none',
        ],
        files: { secret: 'hunter2' },
        args: ['--secret', 'id=s,src=FOLDER/secret', '--secret', 'id=e,env=VARIABLE'],
        env: { VARIABLE: 'from the shell' },
      },
    ],
    [
      'COPY: folders, their owners and modes, links, patterns',
      {
        dockerfile: [
          'FROM busybox AS from',
          'RUN mkdir -p /d/e && echo x >/d/e/f && chown -R 5:6 /d && chmod 700 /d /d/e && chmod 4755 /d/e/f',
          'FROM busybox',
          'RUN mkdir /there && chmod 711 /there && chown 9:9 /there',
          'COPY --from=from /d /owned',
          'COPY --from=from --chown=7:8 /d /given',
          'COPY --from=from /d /there',
          'COPY --from=from /d/e/f /d/e /several/',
          'COPY dir /n/e/w/dir',
          'COPY --chown=3:4 dir /n2/e/w/dir',
          'COPY [!x]*.sh ? /globbed/',
          'COPY nosuch* /empty/',
          'COPY nosuch* a /partly/',
          'COPY to-a /followed',
          'COPY dir/link /file',
          'COPY ["x.txt", "/with blank/"]',
        ],
      },
    ],
    [
      'COPY and ADD --chown and --chmod',
      {
        dockerfile: [
          'FROM busybox',
          'COPY --chmod=755 a /a',
          'COPY --chmod=0640 --chown=1:2 dir /dir',
          'ADD --chmod=711 b /b',
          'COPY --chown=daemon a /named',
          'COPY --chown=:7 a /group',
          'COPY --chown=5 a /number',
          'COPY --chown=daemon:bin a /both',
          'ADD --chown=3:4 a.tar.gz /archive',
        ],
      },
    ],
    [
      'ADD of archives and URLs',
      {
        dockerfile: ['FROM busybox', 'ADD a.tar.gz /unpacked', 'ADD a.tar.gz a /several/', 'COPY a.tar.gz /kept'],
      },
    ],
    [
      'WORKDIR belongs to the USER that it is made under',
      {
        dockerfile: [
          'FROM busybox',
          'WORKDIR /root-made/x',
          'USER 5:6',
          'WORKDIR /by/number',
          'USER daemon',
          'WORKDIR /by/name',
          'USER 77',
          'WORKDIR ../alone',
          'RUN pwd >/tmp/pwd',
        ],
      },
    ],
    [
      'variables with the modifiers of the shell',
      {
        dockerfile: [
          'FROM busybox',
          'ARG foo=/path/to/file',
          'ARG empty=',
          'ENV A=${nope:-d} C=${foo:+s} E=${nope:+s} F=${empty:-d}',
          'ENV I=${empty:+s} J=${nope:-${foo}x} K="${nope:-a b}"',
          'ENV N=\\$foo O=\'$foo\' P="\\$foo" Q="a\\"b" R=a\\ b S=a"b c"d T="a\\b" U=$foo$foo V=${foo}x W=$',
          'LABEL one=$A two="${B}" "$A"=three',
        ],
      },
    ],
    [
      'EXPOSE, VOLUME, STOPSIGNAL, HEALTHCHECK, LABEL, MAINTAINER, ENV in both forms',
      {
        dockerfile: [
          'FROM busybox',
          'MAINTAINER me and "you" <x@y>',
          'ENV P=99 Q="a b"',
          'ENV OLD form of it',
          'EXPOSE 80 443/tcp 53/UDP $P 100-103',
          'VOLUME /v ${Q}',
          'VOLUME ["/q", "/r s"]',
          'STOPSIGNAL SIGRTMIN+3',
          'LABEL a=1 b="x y"',
          'LABEL a=2',
          'HEALTHCHECK --interval=1m --timeout=10s --start-period=3s --retries=4 CMD wget x || exit 1',
        ],
        args: ['--label', 'a=3', '--label', 'z=', '--label', "q=it's $x"],
      },
    ],
    ['HEALTHCHECK in exec form', { dockerfile: ['FROM busybox', 'HEALTHCHECK --interval=500ms CMD ["true", "x"]'] }],
    ['HEALTHCHECK NONE', { dockerfile: ['FROM busybox', 'HEALTHCHECK NONE'] }],
    [
      'the escape directive, comments and continuation lines',
      {
        dockerfile:
          '# escape=`\n# a comment\n\nfrom busybox\nRUN echo a `\n# in between\n\n  b >/x\nENV A=c:\\d B=`$A C="x`"y"\n',
      },
    ],
    [
      'the predefined arguments',
      {
        dockerfile: [
          'FROM busybox',
          'ARG TARGETPLATFORM',
          'ARG TARGETOS',
          'ARG TARGETARCH',
          'ARG TARGETVARIANT',
          'ARG BUILDPLATFORM',
          'ARG BUILDARCH',
          'RUN env | grep -E "^(TARGET|BUILD)" | sort >/arguments; echo "$HTTP_PROXY $http_proxy $NO_PROXY" >/proxies',
        ],
        args: ['--build-arg', 'HTTP_PROXY=http://proxy', '--build-arg', 'no_proxy=here'],
      },
    ],
  ])('%s', (_, one) => same(one))

  test('SHELL, CMD and ENTRYPOINT', async () => {
    // BuildKit says of each command that Windows need not escape it.
    const described = async (dockerfile: string[]) => {
      const [skiff, docker] = await onBoth(async engine => {
        expect((await buildOn(engine, { dockerfile })).code).toBe(0)
        const { config, ...rest } = await describeImage(engine, 'built')
        return { ...rest, config: { ...config, ArgsEscaped: undefined } }
      })
      expect(skiff).toEqual(docker)
    }
    await described(['FROM busybox', 'SHELL ["/bin/ash", "-ec"]', 'CMD echo $X', 'ENTRYPOINT exec foo "a b"'])
    await described(['FROM busybox', 'ENTRYPOINT ["a", "b c"]', 'CMD ["d"]'])
    await described(['FROM busybox', 'CMD ["d"]', 'ENTRYPOINT ["a"]', "CMD ['not', 'json']", 'STOPSIGNAL 9'])
  })
})

describe('what is newer, and the same in older words', () => {
  test.each<[string, Case]>([
    [
      'here-documents',
      {
        dockerfile: [
          'FROM busybox',
          'ENV V=value',
          'RUN <<EOF',
          'echo "$V" >/one',
          'echo two >/two',
          'EOF',
          'RUN <<-"EOF" sh -e',
          "\techo $V 'x' >/three",
          '\tEOF',
          'RUN cat <<A >/four && cat <<B >>/four',
          'a $V',
          'A',
          'b',
          'B',
          'RUN <<SCRIPT',
          '#!/bin/sh',
          'echo $0 >/five',
          'SCRIPT',
          "COPY --chmod=755 --chown=1:1 <<FILE <<'RAW' /docs/",
          'hello $V ${nope:-x} \\$V "q" \'r\'',
          'FILE',
          'raw $V \\n',
          'RAW',
          'ADD <<Z /z',
          'zed',
          'Z',
        ],
        files: { FILE: 'hello value x $V "q" \'r\'\n', RAW: 'raw $V \\n\n', Z: 'zed\n' },
        older: [
          'FROM busybox',
          'ENV V=value',
          'RUN echo "$V" >/one; echo two >/two',
          "RUN echo $V 'x' >/three",
          'RUN echo "a $V" >/four; echo b >>/four',
          'RUN echo /dev/pipes/SCRIPT >/five',
          'COPY --chmod=755 --chown=1:1 FILE RAW /docs/',
          'ADD Z /z',
        ],
      },
    ],
    [
      'COPY --link',
      {
        dockerfile: [
          'FROM busybox',
          'COPY --link --chown=3:4 dir /etc',
          'COPY --link a /deep/er/',
          'USER 5',
          'ADD --link b /b',
        ],
        older: ['FROM busybox', 'COPY --chown=3:4 dir /etc', 'COPY a /deep/er/', 'USER 5', 'ADD b /b'],
      },
    ],
    [
      'COPY --exclude',
      {
        dockerfile: [
          'FROM busybox',
          'COPY --exclude=*.md --exclude=sub dir /dir',
          'COPY --exclude=**/*.txt dir /other',
        ],
        older: [
          'FROM busybox',
          'COPY dir/x dir/link /dir/',
          'COPY dir/x dir/y.md /other/',
          'RUN rm /dir/link; ln -s x /dir/link; ln -s x /other/link; mkdir /other/sub',
        ],
      },
    ],
    [
      'COPY --parents',
      {
        dockerfile: ['FROM busybox', 'COPY --parents dir/x dir/sub /kept/', 'COPY --parents ./dir/./sub/z.txt /from/'],
        older: ['FROM busybox', 'COPY dir/x /kept/dir/', 'COPY dir/sub /kept/dir/sub', 'COPY dir/sub/z.txt /from/sub/'],
      },
    ],
    [
      'COPY --chmod in symbols',
      {
        dockerfile: [
          'FROM busybox',
          'COPY --chmod=u=rwX,go=rX dir /one',
          'COPY --chmod=+x a /two',
          'COPY --chmod=go-r,u+x a /three',
          'COPY --chmod=g=u,o= run.sh /four',
          'ADD --chmod=a=,u=rw b /five',
        ],
        older: [
          'FROM busybox',
          'COPY dir /one',
          'COPY --chmod=755 a /two',
          'COPY --chmod=700 a /three',
          'COPY --chmod=770 run.sh /four',
          'ADD --chmod=600 b /five',
        ],
      },
    ],
    [
      'ADD --unpack=false, and HEALTHCHECK --start-interval',
      {
        dockerfile: ['FROM busybox', 'ADD --unpack=false a.tar.gz /kept', 'ADD --unpack a.tar.gz /unpacked'],
        older: ['FROM busybox', 'COPY a.tar.gz /kept', 'ADD a.tar.gz /unpacked'],
      },
    ],
    [
      'the modifiers that cut, replace and demand',
      {
        dockerfile: [
          'FROM busybox',
          'ARG x=/a/b.tar.gz',
          'ENV A=${x#*/} B=${x##*/} C=${x%.*} D=${x%%.*} E=${x/a/A} F=${x//\\//_} G=${x//?/.} H=${x/\\*/q} I=${x#/a?} J=${x:?} K=${x?no} L=${x+s}${y+s}${y-t}',
        ],
        older: [
          'FROM busybox',
          'ENV A=a/b.tar.gz B=b.tar.gz C=/a/b.tar D=/a/b E=/A/b.tar.gz F=_a_b.tar.gz G=........... H=/a/b.tar.gz I=b.tar.gz J=/a/b.tar.gz K=/a/b.tar.gz L=st',
        ],
      },
    ],
    [
      'a secret as a variable',
      {
        dockerfile: ['FROM busybox', 'RUN --mount=type=secret,id=e,env=TOKEN echo "$TOKEN" >/token'],
        older: ['FROM busybox', 'RUN echo hunter2 >/token'],
        args: ['--secret', 'id=e,env=SECRET'],
        env: { SECRET: 'hunter2' },
      },
    ],
  ])('%s', (_, one) => same(one, { withTimes: false }))

  test('ADD of a URL: --checksum, --unpack', async () => {
    const digest = createHash('sha256')
      .update(FILES['a.tar.gz'] as Buffer)
      .digest('hex')
    await same(
      {
        dockerfile: [
          'FROM busybox',
          `ADD --chmod=644 --checksum=sha256:${digest} ${url} /kept`,
          `ADD --unpack=true ${url} /unpacked`,
          `ADD --unpack=true ${url} a /several/`,
        ],
        older: [
          'FROM busybox',
          'COPY --chmod=644 a.tar.gz /kept',
          'ADD a.tar.gz /unpacked',
          'ADD a.tar.gz a /several/',
        ],
      },
      { withTimes: false },
    )
  })
})

describe('flags', () => {
  const FROM = 'FROM busybox'

  test.each<[string, Case]>([
    [
      '-f',
      { dockerfile: 'not this one', files: { 'else/where': `${FROM}\nCOPY a /a` }, args: ['-f', 'FOLDER/else/where'] },
    ],
    ['-f -', { dockerfile: 'not this one', args: ['-f', '-'], stdin: `${FROM}\nCOPY a /a` }],
    ['a Dockerfile from stdin', { dockerfile: '', context: '-', stdin: `${FROM}\nRUN echo x >/x` }],
    [
      '--build-arg with and without a value, --target, --add-host',
      {
        dockerfile: [
          'FROM busybox AS Base',
          'ARG A',
          'ARG B=own',
          'ARG C=own',
          'RUN echo "$A $B $C" >/arguments; grep named /etc/hosts >/hosts',
          'FROM base',
          'RUN exit 1',
        ],
        args: ['--build-arg', 'A', '--build-arg', 'B=given', '--target', 'base', '--add-host', 'named:1.2.3.4'],
        env: { A: 'from the shell' },
      },
    ],
    [
      '--no-cache, --rm, --progress',
      { dockerfile: [FROM, 'RUN echo x >/x'], args: ['--no-cache', '--rm', '--progress', 'plain'] },
    ],
    [
      '.dockerignore: comments, exceptions, **, what is below a folder',
      {
        dockerfile: [FROM, 'COPY . /all'],
        files: {
          '.dockerignore': '# comment\n*.md\n!keep.md\n**/*.txt\ndir/sub\n!dir/sub/y\n  b  \n/deep/er/..\n',
          'keep.md': 'kept',
          'gone.md': 'gone',
          'dir/sub/y': 'exception',
          'deep/f': 'gone',
        },
      },
    ],
    [
      'Dockerfile.dockerignore in its place',
      {
        dockerfile: [FROM, 'COPY . /all'],
        files: { '.dockerignore': '*', 'Dockerfile.dockerignore': 'dir\n!dir/x\n.dockerignore\n*.dockerignore' },
      },
    ],
  ])('%s', (_, one) => same(one))

  test('an archive and a URL as context', async () => {
    const archive = await contextOf({ Dockerfile: `${FROM}\nCOPY f /f`, f: 'in the archive' })
    served = archive
    const env = { DOCKER_BUILDKIT: '1' }
    const build = ['build', '--network', 'none', '-t', 'built']
    await cliOk(engines.docker, [...build, '-'], { stdin: archive, env })
    const expected = await describeImage(engines.docker, 'built')
    await cliOk(engines.skiff, [...build, '-'], { stdin: archive })
    expect(await describeImage(engines.skiff, 'built')).toEqual(expected)
    await cliOk(engines.skiff, ['rmi', '-f', 'built'])
    await cliOk(engines.skiff, [...build, url])
    expect(await describeImage(engines.skiff, 'built')).toEqual(expected)
  })

  test('-o: a folder, an archive in a file and on stdout', async () => {
    const dockerfile = ['FROM scratch', 'COPY --chown=3:4 dir /dir', 'COPY run.sh /']
    const results = await onBoth(async engine => {
      const out = mkdtempSync(join(room, 'out-'))
      const build = async (output: string) => {
        const { code, stdout, stderr } = await buildOn(engine, { dockerfile, args: ['-o', output] })
        if (code !== 0) throw new Error(stderr)
        return stdout
      }
      await build(join(out, 'short'))
      await build(`type=local,dest=${join(out, 'local')}`)
      await build(`type=tar,dest=${join(out, 'tar')}`)
      writeFileSync(join(out, 'stdout'), Buffer.from(await build('-'), 'utf8'))
      // Without the folder itself, and without the times of links, which the test has just made.
      const linesOf = (name: string) => fingerprint(join(out, name), { folderTimes: false }).slice(1)
      const files = ['short', 'local'].map(name => linesOf(name).map(line => line.replace(/ \d{19} x$/, ' x')))
      return { files, archives: await Promise.all(['tar', 'stdout'].map(name => namesIn(join(out, name)))) }
    })
    expect(results[0]).toEqual(results[1])
  })

  test('-q, --iidfile, several -t', async () => {
    const [skiff, docker] = await onBoth(async engine => {
      const file = join(mkdtempSync(join(room, 'iid-')), 'iid')
      const args = ['-q', '--iidfile', file, '-t', 'second:tag', '-t', 'third']
      const { stdout, stderr } = await buildOn(engine, { dockerfile: [FROM, 'RUN echo x >/x'], args })
      const ids = await Promise.all(
        ['built', 'second:tag', 'third'].map(async name => (await engine.api.get(`/images/${name}/json`)).Id),
      )
      return { stderr, ids: [...ids, stdout.trim(), readFileSync(file, 'utf8')].map(id => ids.indexOf(id)) }
    })
    expect(skiff).toEqual(docker)
    expect(skiff.ids).toEqual([0, 0, 0, 0, 0])
  })

  test('--ssh', async () => {
    const socket = join(room, 'agent')
    const agent = createAgent(connection => connection.end())
    await new Promise<void>(resolve => agent.listen(socket, resolve))
    await same({
      dockerfile: [
        FROM,
        'RUN mkdir -p /out /run/buildkit /there && touch /run/buildkit/ssh_agent.0 /there/s',
        'RUN --mount=type=ssh echo $SSH_AUTH_SOCK >/out/default; stat -c "%F %a %u:%g" $SSH_AUTH_SOCK >>/out/default',
        'RUN --mount=type=ssh,id=one,target=/there/s,mode=0666,uid=5 stat -c "%F %a %u:%g" $SSH_AUTH_SOCK >/out/one',
        'RUN --mount=type=ssh,id=none echo "-$SSH_AUTH_SOCK-" >/out/none',
      ],
      args: ['--ssh', `default=${socket}`, '--ssh', `one=${socket}`],
    })
    agent.close()
  })

  test('--cache-from', async () => {
    await same({
      dockerfile: [FROM, 'RUN echo x >/x'],
      args: ['--cache-from', 'built', '--build-arg', 'BUILDKIT_INLINE_CACHE=1'],
    })
  })
})

/** The names in an archive, with modes and owners. */
async function namesIn(file: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('tar', ['-tvf', file, '--numeric-owner'])
  // With blanks to line them up; times of folders say nothing.
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.replace(/ +/g, ' ').replace(/\d{4}-\d\d-\d\d \d\d:\d\d /, ''))
    .sort()
}

/**
 * Every instruction beside BuildKit as the reference engine has it: the same configuration and files. What came to Dockerfiles later than
 * that BuildKit is compared with a Dockerfile that says the same in the words of its time.
 */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Dockerfile's own variables

import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { describeImage } from '../support/build-compare.ts'
import { type Case, startTwins, type Twins } from '../support/build-twins.ts'

let twins: Twins
beforeAll(async () => {
  twins = await startTwins()
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
  ])('%s', (_, one) => twins.same(one))

  test('SHELL, CMD and ENTRYPOINT', async () => {
    // BuildKit says of each command that Windows need not escape it.
    const described = async (dockerfile: string[]) => {
      const [skiff, docker] = await twins.onBoth(async engine => {
        expect((await twins.buildOn(engine, { dockerfile })).code).toBe(0)
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
      'ADD --unpack',
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
  ])('%s', (_, one) => twins.same(one, { withTimes: false }))

  test('ADD of a URL: --checksum, --unpack', async () => {
    const digest = createHash('sha256').update(twins.served).digest('hex')
    await twins.same(
      {
        dockerfile: [
          'FROM busybox',
          `ADD --chmod=644 --checksum=sha256:${digest} ${twins.url} /kept`,
          `ADD --unpack=true ${twins.url} /unpacked`,
          `ADD --unpack=true ${twins.url} a /several/`,
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

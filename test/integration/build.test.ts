// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a Dockerfile's own variables
/** What skiff builds beyond the classic builder: the cache, stages side by side, mounts, secrets, outputs; and what is left behind: nothing. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { build, buildOk, contextOf, type Files, treeOf } from '../support/build.ts'
import { cli, cliOk, open } from '../support/cli.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { importBusybox } from '../support/images.ts'
import { temporaryFolder } from '../support/layer-room.ts'

let skiff: Daemon
beforeAll(async () => {
  skiff = await startDaemon()
  await importBusybox(skiff)
})

const lines = (...text: string[]): string => text.join('\n')
const run = (image: string, ...command: string[]): Promise<string> =>
  cliOk(skiff, ['run', '--rm', '--network', 'none', image, ...command])

/** Writes files and answers their folder. */
async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  return folder
}

/** Builds a Dockerfile with `skiff build`; answers what it showed. */
async function skiffBuild(files: Record<string, string>, ...words: string[]): Promise<string> {
  const folder = await folderOf(files)
  const { code, stderr } = await cli(skiff, ['build', '--network', 'none', '-t', 'built', ...words, folder])
  if (code !== 0) throw new Error(stderr)
  return stderr
}

async function serve(listener: RequestListener) {
  const server = createHttp(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

/** What an image has, without the folder of the daemon's own files. */
const pathsOf = async (image: string): Promise<string[]> =>
  (await treeOf(skiff, image)).filter(line => !line.startsWith('etc '))

const cached = (output: string): number => output.match(/CACHED/g)?.length ?? 0

describe('the cache', () => {
  const DOCKERFILE = lines(
    'FROM busybox',
    'ARG V=1',
    'RUN echo one',
    'COPY a /a',
    'RUN echo $V; date +%N >/time',
    'CMD ["a"]',
  )

  test('gives the same image again, also after a restart, and other contents another one', async () => {
    const first = await buildOk(skiff, { Dockerfile: DOCKERFILE, a: 'a' })
    const again = await build(skiff, { Dockerfile: DOCKERFILE, a: 'a' })
    expect(again.id).toBe(first)
    expect(again.output.match(/Using cache/g)).toHaveLength(5)
    await skiff.restart()
    expect(await buildOk(skiff, { Dockerfile: DOCKERFILE, a: 'a' })).toBe(first)
    expect(await buildOk(skiff, { Dockerfile: DOCKERFILE, a: 'b' })).not.toBe(first)
    // The same bytes with another mode are not the same file.
    expect(await buildOk(skiff, { Dockerfile: DOCKERFILE, a: { mode: 0o600 } as never })).not.toBe(first)
    expect(await buildOk(skiff, { Dockerfile: DOCKERFILE, a: 'a' }, { query: { buildargs: { V: '2' } } })).not.toBe(
      first,
    )
    expect(await buildOk(skiff, { Dockerfile: DOCKERFILE, a: 'a' }, { query: { nocache: true } })).not.toBe(first)
  })

  test('does not look at times, nor at what is not copied', async () => {
    const files = { Dockerfile: lines('FROM busybox', 'COPY a /a', 'RUN echo x >/x'), a: 'same' }
    await skiffBuild(files)
    expect(cached(await skiffBuild({ ...files, other: 'file' }))).toBe(2)
  })

  test('of a step that was made once more is not mixed with what stood on it before', async () => {
    const base = lines('FROM busybox', 'RUN cat /proc/sys/kernel/random/uuid >/id')
    await skiffBuild({ Dockerfile: lines(base, 'RUN cp /id /copy') })
    await skiffBuild({ Dockerfile: base }, '--no-cache')
    await skiffBuild({ Dockerfile: lines(base, 'RUN cp /id /copy') })
    expect(await run('built', 'cmp', '/id', '/copy')).toBe('')
  })

  test('is listed, counted and pruned', async () => {
    await skiffBuild({
      Dockerfile: lines(
        'FROM busybox',
        'RUN --mount=type=cache,target=/c echo kept >/c/k',
        'RUN head -c 5000 /dev/zero >/five',
      ),
    })
    const usage = async () => (await skiff.api.get('/system/df')).BuildCache
    expect(await usage()).toContainEqual(expect.objectContaining({ Type: 'regular', Size: 5000, Shared: true }))
    expect(await usage()).toContainEqual(
      expect.objectContaining({ Type: 'exec.cachemount', Description: 'cached mount /c' }),
    )
    await cliOk(skiff, ['builder', 'prune', '-f', '--filter', 'until=1h'])
    expect(await usage()).toContainEqual(expect.objectContaining({ Size: 5000 }))
    // What the image stands on stays, unless all is asked for.
    await cliOk(skiff, ['builder', 'prune', '-f'])
    expect(await usage()).toContainEqual(expect.objectContaining({ Size: 5000 }))
    expect(await usage()).not.toContainEqual(expect.objectContaining({ Type: 'exec.cachemount' }))
    expect(await cliOk(skiff, ['builder', 'prune', '-a', '-f'])).toMatch(/Total reclaimed space: 0B$/)
    expect(await usage()).toEqual([])
    expect(await run('built', 'wc', '-c', '/five')).toContain('5000')
    expect((await cli(skiff, ['builder', 'prune', '-f', '--filter', 'nope=1'])).stderr).toContain(
      "invalid filter 'nope'",
    )
  })

  test('keeps layers alive that no image has, until it is pruned', async () => {
    const files = { Dockerfile: lines('FROM busybox', 'RUN date +%N >/kept') }
    await skiffBuild(files)
    await cliOk(skiff, ['rmi', 'built'])
    expect(cached(await skiffBuild(files))).toBe(1)
  })

  test('comes from an image with --cache-from', async () => {
    const files = { Dockerfile: lines('FROM busybox', 'RUN date +%N >/time', 'COPY a /a'), a: 'x' }
    const id = await buildOk(skiff, files, { query: { t: 'source' } })
    await skiff.api.post('/build/prune', undefined, { all: true })
    const again = await build(skiff, files, { query: { cachefrom: JSON.stringify(['source', 'not-there']) } })
    expect(again.id).toBe(id)
  })
})

describe('stages', () => {
  test('that do not depend on each other are under way at the same time, and one that nobody needs is not run', async () => {
    // Each waits for the other: one after the other they would never end.
    const wait = (own: string, other: string) =>
      `RUN --mount=type=cache,id=meet,target=/m touch /m/${own}; n=0; until [ -e /m/${other} ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done`
    const output = await skiffBuild({
      Dockerfile: lines(
        'FROM busybox AS a',
        wait('a', 'b'),
        'FROM busybox AS unused',
        'RUN false',
        'FROM busybox AS b',
        wait('b', 'a'),
        'FROM scratch',
        'COPY --from=a /etc/passwd /a',
        'COPY --from=b /etc/passwd /b',
      ),
    })
    expect(output).not.toContain('RUN false')
    expect((await pathsOf('built')).map(line => line.split(' ')[0])).toEqual(['a', 'b'])
  })

  test('that fail end the others', async () => {
    const { error, code } = await build(skiff, {
      Dockerfile: lines(
        'FROM busybox AS slow',
        'RUN sleep 600',
        'FROM busybox',
        'COPY --from=slow /x /x',
        'FROM busybox AS bad',
        'RUN exit 9',
        'FROM slow',
        'COPY --from=bad /x /y',
      ),
    })
    expect([error, code]).toEqual(["The command '/bin/sh -c exit 9' returned a non-zero code: 9", 9])
  })
})

describe('RUN', () => {
  test('--mount: bind, cache, tmpfs; the targets leave no trace', async () => {
    const files = {
      f: 'from the context',
      Dockerfile: lines(
        'FROM busybox AS other',
        'RUN mkdir /out && echo stage >/out/x && ln -s x /out/l',
        'FROM busybox',
        'ENV DIR=/deep/er',
        'RUN --mount=target=/ctx cat /ctx/f >/seen && ! touch /ctx/f',
        'RUN --mount=target=/ctx,rw echo changed >/ctx/f',
        'RUN --mount=target=/ctx cat /ctx/f >>/seen',
        'RUN --mount=from=other,source=out,target=$DIR cat $DIR/l >>/seen && ! touch $DIR/y',
        'RUN --mount=type=cache,target=/c,uid=7,mode=0711 stat -c "%u %a" /c >>/seen; echo x >/c/x',
        'RUN --mount=type=cache,target=/c ls /c >>/seen',
        'RUN --mount=type=cache,id=filled,from=other,source=/out,target=/c ls /c >>/seen',
        "RUN --mount=type=tmpfs,target=/t,size=64k df -k /t | tail -1 | awk '{print $2}' >>/seen; echo gone >/t/x",
        'RUN --mount=type=tmpfs,target=/etc/kept/t mkdir -p /etc/kept && touch /etc/kept/stays',
      ),
    }
    await skiffBuild(files)
    expect(await run('built', 'cat', '/seen')).toBe('from the contextfrom the contextstage\n7 711\nx\nl\nx\n64')
    const tree = (await treeOf(skiff, 'built')).map(line => line.split(' ')[0])
    expect(tree.filter(path => /^(ctx|deep|c|t)(\/|$)/.test(path ?? ''))).toEqual([])
    expect(tree).toContain('etc/kept/stays')
    expect(tree).not.toContain('etc/kept/t')
  })

  test('--mount=type=cache,sharing=locked is used by one after the other', async () => {
    const step = (n: number) =>
      `RUN --mount=type=cache,id=turn,sharing=locked,target=/m mkdir /m/busy && sleep 0.5 && rmdir /m/busy; echo ${n}`
    await skiffBuild({
      Dockerfile: lines(
        'FROM busybox AS a',
        step(1),
        'FROM busybox AS b',
        step(2),
        'FROM busybox',
        'COPY --from=a /etc/passwd /a',
        'COPY --from=b /etc/passwd /b',
      ),
    })
  })

  test('--mount=type=secret: a file in memory, a variable, or nothing; never in the image or its cache', async () => {
    const folder = await folderOf({ token: 'hunter2' })
    const Dockerfile = lines(
      'FROM busybox',
      'RUN --mount=type=secret,id=token sha256sum </run/secrets/token >/sum; stat -c "%a %u" /run/secrets/token >>/sum; stat -f -c %T /run/secrets/token >>/sum',
      'RUN --mount=type=secret,id=token,env=TOKEN echo "${#TOKEN}" >>/sum',
      'RUN --mount=type=secret,id=variable,target=/etc/v,uid=5,mode=0444 stat -c "%a %u" /etc/v >>/sum; cat /etc/v | wc -c >>/sum',
      'RUN --mount=type=secret,id=none ls /run/secrets || echo none >>/sum',
    )
    const context = await folderOf({ Dockerfile })
    const secrets = ['--secret', `id=token,src=${join(folder, 'token')}`, '--secret', 'id=variable,env=SECRET']
    const built = await cli(skiff, ['build', '-t', 'built', '--network', 'none', ...secrets, context], {
      env: { SECRET: 'xyz' },
    })
    expect(built.stderr).toContain('named built:latest')
    const sum = createHash('sha256').update('hunter2').digest('hex')
    expect(await run('built', 'cat', '/sum')).toBe(`${sum}  -\n400 0\ntmpfs\n7\n444 5\n3\nnone`)
    const grep = await cli({ ...skiff, command: ['grep', '-r', 'hunter2', skiff.dataRoot] } as never, [])
    expect(grep.stdout).toBe('')
    await expect(
      skiffBuild({ Dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=x,required true' }),
    ).rejects.toThrow('secret x: not found')
  })

  test('--mount=type=ssh leads to the agent', async () => {
    const socket = join(await temporaryFolder(), 'agent')
    const agent = createServer(client => client.end('hello from the agent')).listen(socket)
    try {
      const Dockerfile = lines(
        'FROM busybox',
        'RUN --mount=type=ssh echo $SSH_AUTH_SOCK >/said; nc local:$SSH_AUTH_SOCK </dev/null >>/said || ls -l $SSH_AUTH_SOCK | cut -c1-10 >>/said',
      )
      await skiffBuild({ Dockerfile }, '--ssh', `default=${socket}`)
      expect(await run('built', 'cat', '/said')).toMatch(
        /^\/run\/buildkit\/ssh_agent\.0\n(hello from the agent|srw-------)$/,
      )
    } finally {
      agent.close()
    }
  })

  test('here-documents: a script for the shell, one with an interpreter of its own, files', async () => {
    await skiffBuild({
      Dockerfile: lines(
        'FROM busybox',
        'ARG WHO=me',
        'RUN <<EOF',
        'echo one >/out',
        'echo $WHO >>/out',
        'EOF',
        'RUN <<EOF',
        '#!/bin/awk -f',
        'BEGIN { print "awk" >>"/out" }',
        'EOF',
        'RUN cat <<A >>/out',
        'two $WHO',
        'A',
        'COPY <<plain.txt <<"quoted.txt" /files/',
        'a $WHO',
        'plain.txt',
        'b $WHO',
        'quoted.txt',
        'COPY --chmod=755 <<EOF /bin/said',
        '#!/bin/sh',
        'cat /out /files/*',
        'EOF',
      ),
    })
    expect(await run('built', 'said')).toBe('one\nme\nawk\ntwo me\na me\nb $WHO')
  })

  test('has the limits, hosts and network that the request says', async () => {
    const query = {
      networkmode: 'none',
      memory: 32 << 20,
      shmsize: 1 << 20,
      ulimits: JSON.stringify([{ Name: 'nofile', Soft: 77, Hard: 99 }]),
      extrahosts: 'there:10.9.8.7',
    }
    const Dockerfile = lines(
      'FROM busybox',
      "RUN ulimit -n >/l; df -k /dev/shm | tail -1 | awk '{print $2}' >>/l; grep there /etc/hosts >>/l; ip -o link | wc -l >>/l",
    )
    await buildOk(skiff, { Dockerfile }, { query: { ...query, t: 'limited' } })
    expect(await run('limited', 'cat', '/l')).toBe('77\n1024\n10.9.8.7\tthere\n1')
    const { error } = await build(
      skiff,
      { Dockerfile: 'FROM busybox\nRUN tail /dev/zero' },
      { query: { ...query, memory: 16 << 20 } },
    )
    expect(error).toMatch(/returned a non-zero code: 137$/)
  })
})

describe('COPY and ADD', () => {
  const FILES = { a: '1', 'd/x.txt': '2', 'd/y.md': '3', 'd/e/z.txt': '4', 'd/e/f/w': '5' }

  test('--chmod, --exclude, --parents', async () => {
    await skiffBuild({
      ...FILES,
      Dockerfile: lines(
        'FROM scratch',
        'COPY --chmod=0640 d /chmod',
        'COPY --exclude=*.txt --exclude=e/f d /exclude',
        'COPY --parents d/x.txt d/e/f /parents/',
      ),
    })
    expect((await pathsOf('built')).map(line => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'chmod directory 755',
      'chmod/e directory 640',
      'chmod/e/f directory 640',
      'chmod/e/f/w file 640',
      'chmod/e/z.txt file 640',
      'chmod/x.txt file 640',
      'chmod/y.md file 640',
      'exclude directory 755',
      'exclude/e directory 755',
      'exclude/e/z.txt file 644',
      'exclude/y.md file 644',
      'parents directory 755',
      'parents/d directory 755',
      'parents/d/e directory 755',
      'parents/d/e/f directory 755',
      'parents/d/e/f/w file 644',
      'parents/d/x.txt file 644',
    ])
  })

  test('--link: the layer is found again on another base', async () => {
    const top = async (base: string) => {
      await skiffBuild({ ...FILES, Dockerfile: lines('FROM busybox', `RUN echo ${base} >/base`, 'COPY --link d /d') })
      const { RootFS } = await skiff.api.get('/images/built/json')
      expect(await run('built', 'cat', '/base', '/d/x.txt')).toBe(`${base}\n2`)
      return RootFS.Layers.at(-1)
    }
    expect(await top('one')).toBe(await top('two'))
  })

  test('ADD from a URL, checked by its digest', async () => {
    const server = await serve((_, response) =>
      response.writeHead(200, { 'Last-Modified': 'Sun, 13 Sep 2020 12:26:40 GMT' }).end('fetched'),
    )
    try {
      const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/some/file.txt`
      const digest = createHash('sha256').update('fetched').digest('hex')
      await skiffBuild({
        Dockerfile: `FROM scratch\nADD --checksum=sha256:${digest} ${url} /x/\nADD --chmod=644 ${url} /named`,
      })
      expect((await pathsOf('built')).map(line => line.replace(/ [0-9a-f]{12}/, ''))).toEqual([
        'named file 644 0:0 7  2020-09-13T12:26:40.000Z',
        'x directory 755 0:0 0 ',
        'x/file.txt file 600 0:0 7  2020-09-13T12:26:40.000Z',
      ])
      await expect(
        skiffBuild({ Dockerfile: `FROM scratch\nADD --checksum=sha256:${'0'.repeat(64)} ${url} /x` }),
      ).rejects.toThrow('digest mismatch')
    } finally {
      server.close()
    }
    await expect(skiffBuild({ Dockerfile: 'FROM scratch\nADD https://x.org/y.git /x' })).rejects.toThrow(
      'is a git repository',
    )
  })

  test('no symlink of a context or an image leads to the files of the host', async () => {
    const secret = join(await folderOf({ secret: 'of the host' }), 'secret')
    const up = '../'.repeat(20)
    const files: Files = {
      absolute: { type: 'symlink', linkname: secret },
      relative: { type: 'symlink', linkname: `${up}${secret}` },
      folder: { type: 'symlink', linkname: '/' },
    }
    for (const source of ['absolute', 'relative', `folder${secret}`]) {
      const { error } = await build(skiff, { ...files, Dockerfile: `FROM busybox\nCOPY ${source} /x` })
      expect(error).toMatch(/^COPY failed: file not found/)
    }
    // The target's symlink is the image's: it is followed in the image.
    const into = join(await temporaryFolder(), 'x')
    await buildOk(skiff, {
      f: 'f',
      Dockerfile: lines(
        'FROM busybox',
        `RUN mkdir -p ${join(into, '..')} /real && ln -s ${into} /out && ln -s ${up}/real /up`,
        'COPY f /up/f',
        'RUN test -e /real/f',
      ),
    })
    expect(existsSync(into)).toBe(false)
    // An archive whose names or links lead out is refused or stays inside.
    const hostile = await contextOf({ link: { type: 'symlink', linkname: join(into, '..') }, 'link/x': 'out' })
    await build(skiff, { 'h.tar': hostile, Dockerfile: 'FROM busybox\nADD h.tar /' })
    expect(existsSync(into)).toBe(false)
    const dockerfile = await contextOf({ Dockerfile: { type: 'symlink', linkname: secret } })
    const answer = await skiff.api.request('POST', '/build', {
      body: dockerfile,
      headers: { 'Content-Type': 'application/x-tar' },
    })
    expect(answer.json.message).toBe('Cannot locate specified Dockerfile: Dockerfile')
  })

  test('a fifo in the place of the Dockerfile holds nobody up', async () => {
    const { error } = await build(skiff, { Dockerfile: { type: 'fifo' } })
    expect(error).toBe('Cannot locate specified Dockerfile: Dockerfile')
  })
})

describe('skiff build', () => {
  test('takes the context from stdin, an archive, a URL; the Dockerfile from elsewhere', async () => {
    const archive = await contextOf({ Dockerfile: 'FROM busybox\nCOPY f /f', f: 'in the archive' })
    const build = (...words: string[]) => ['build', '-q', '-t', 'built', ...words]
    await cliOk(skiff, build('-'), { stdin: archive })
    expect(await run('built', 'cat', '/f')).toBe('in the archive')
    await cliOk(skiff, build('-'), { stdin: 'FROM busybox\nRUN echo typed >/f' })
    expect(await run('built', 'cat', '/f')).toBe('typed')
    const folder = await folderOf({ f: 'in the folder', 'else/where': 'FROM busybox\nCOPY f /f' })
    await cliOk(skiff, build('-f', '-', folder), { stdin: 'FROM busybox\nCOPY f /f\nRUN echo piped >>/f' })
    expect(await run('built', 'cat', '/f')).toBe('in the folderpiped')
    await cliOk(skiff, build('-f', join(folder, 'else/where'), folder))
    const file = join(folder, 'context.tar')
    await writeFile(file, archive)
    await cliOk(skiff, build(file))
    expect(await run('built', 'cat', '/f')).toBe('in the archive')
    const server = await serve((request, response) =>
      response.end(request.url === '/c.tar' ? archive : 'FROM busybox\nRUN echo fetched >/f'),
    )
    try {
      const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
      await cliOk(skiff, build(`${url}/c.tar`))
      expect(await run('built', 'cat', '/f')).toBe('in the archive')
      await cliOk(skiff, build(`${url}/Dockerfile`))
      expect(await run('built', 'cat', '/f')).toBe('fetched')
    } finally {
      server.close()
    }
  })

  test('names the image, writes its ID, and gives the files instead with --output', async () => {
    const folder = await folderOf({ Dockerfile: 'FROM scratch\nCOPY d /d', 'd/x': 'content' })
    const id = await cliOk(skiff, [
      'build',
      '-q',
      '-t',
      'one',
      '-t',
      'two:tag',
      '--iidfile',
      join(folder, 'iid'),
      folder,
    ])
    expect(await readFile(join(folder, 'iid'), 'utf8')).toBe(id)
    for (const name of ['one:latest', 'two:tag']) expect((await skiff.api.get(`/images/${name}/json`)).Id).toBe(id)
    await cliOk(skiff, ['build', '-o', join(folder, 'out'), folder])
    expect(readdirSync(join(folder, 'out'))).toEqual(['d'])
    expect(await readFile(join(folder, 'out/d/x'), 'utf8')).toBe('content')
    await cliOk(skiff, ['build', '-o', `type=tar,dest=${join(folder, 'out.tar')}`, folder])
    expect(await readFile(join(folder, 'out.tar'), 'latin1')).toContain('d/x')
    expect((await cli(skiff, ['build', '-o', 'type=oci,dest=x', folder])).stderr).toContain(
      'unsupported output type: oci',
    )
  })

  test('has further contexts: folders and images', async () => {
    const more = await folderOf({ 'in/more': 'more' })
    await skiffBuild(
      { Dockerfile: lines('FROM base', 'COPY --from=more in/more /more', 'COPY mine /mine'), mine: 'mine' },
      ...['--build-context', `more=${more}`, '--build-context', 'base=docker-image://busybox'],
    )
    expect(await run('built', 'cat', '/more', '/mine')).toBe('moremine')
  })

  test('says where it failed, what was shown, and what can be looked at', async () => {
    const folder = await folderOf({
      Dockerfile: lines('FROM busybox', 'RUN echo before >/before', 'RUN echo shown; \\', '  exit 5'),
    })
    const { code, stderr } = await cli(skiff, ['build', folder])
    expect(code).toBe(1)
    expect(stderr).toContain(
      lines(
        '[3/3]   shown',
        'Dockerfile:3',
        '--------------------',
        '   3 | RUN echo shown; \\',
        '   4 |   exit 5',
        '--------------------',
      ),
    )
    const [, image = ''] = /skiff run --rm -it ([0-9a-f]{12}) sh/.exec(stderr) ?? []
    expect(await run(image, 'cat', '/before')).toBe('before')
    const wrong = await cli(skiff, ['build', '-'], { stdin: 'FROM busybox\nFOO bar' })
    expect(wrong.stderr).toContain(
      lines(
        'Dockerfile:2',
        '--------------------',
        '   2 | FOO bar',
        '--------------------',
        'ERROR: dockerfile parse error on line 2: unknown instruction: FOO',
      ),
    )
  })

  test('shows on a terminal the tail of what runs, and then a line for each step', async () => {
    const folder = await folderOf({
      Dockerfile: lines('FROM busybox', 'RUN echo visible-$((40+2)); sleep 1'),
    })
    const shown = await cli(skiff, ['build', '--no-cache', folder], { tty: { rows: 20, columns: 60 } })
    expect(shown.stdout).toContain('visible-42')
    expect(shown.stdout).toMatch(/\[2\/2\]\S* RUN echo visible.*\s+\d+\.\ds/)
    expect(shown.code).toBe(0)
  })

  test('refuses what it cannot do, by name', async () => {
    const folder = await folderOf({ Dockerfile: 'FROM busybox' })
    const refusal = async (...words: string[]) => (await cli(skiff, ['build', ...words])).stderr
    expect(await refusal('https://github.com/a/b.git')).toContain('is a git repository')
    expect(await refusal('--platform', 'linux/s390x', folder)).toContain('platform linux/s390x is refused')
    expect(await refusal('--squash', folder)).toContain('squash is not supported')
    expect(await refusal('--secret', 'src=', folder)).toContain('it has no id')
    expect(await refusal('/not/there')).toContain('not found')
    expect(await refusal('-f', 'nope', folder)).toContain('no such file or directory')
    expect((await skiff.api.request('POST', '/build', { query: { version: '2' } })).status).toBe(501)
  })
})

test('a command that cannot be started fails the build, and nothing else', async () => {
  const { error } = await build(skiff, { Dockerfile: lines('FROM busybox', 'RUN ["/nope"]') })
  expect(error).toContain('/nope')
  expect(await skiff.log()).not.toContain('an error was not handled')
})

test('stages that wait for each other, and names that cannot be given, are refused before anything is built', async () => {
  const circle = lines('FROM busybox AS a', 'COPY --from=b /y /y', 'FROM busybox AS b', 'COPY --from=a /y /y')
  const refused = await build(skiff, { Dockerfile: circle })
  expect(refused.error).toBe('circular dependency detected on stage: a')
  const named = await build(skiff, { Dockerfile: 'FROM busybox' }, { query: { t: ['fine', 'Upper'] } })
  expect(named).toMatchObject({ status: 400, error: expect.stringContaining('must be lowercase') })
})

test('with SOURCE_DATE_EPOCH two builds are the same byte for byte', async () => {
  const files = {
    Dockerfile: lines(
      'FROM busybox',
      'RUN mkdir -p /d/e && date +%s >/dev/null && touch /d/e/f',
      'COPY a /a',
      'WORKDIR /w',
    ),
    a: 'a',
  }
  const image = async () => {
    await skiffBuild(files, '--no-cache', '--build-arg', 'SOURCE_DATE_EPOCH=1600000000')
    return (await skiff.api.get('/images/built/json')).Id
  }
  const first = await image()
  expect(await image()).toBe(first)
  expect((await skiff.api.get('/images/built/json')).Created).toBe('2020-09-13T12:26:40Z')
  expect(await run('built', 'stat', '-c', '%Y', '/d/e/f', '/d')).toBe('1600000000\n1600000000')
})

describe('nothing is left', () => {
  const leftovers = async (daemon: Daemon) => ({
    steps: readdirSync(join(daemon.dataRoot, 'build/steps')),
    contexts: existsSync(join(daemon.dataRoot, 'build/contexts'))
      ? readdirSync(join(daemon.dataRoot, 'build/contexts'))
      : [],
    roots: readdirSync(join(daemon.dataRoot, 'roots')),
    run: readdirSync(join(daemon.execRoot, 'containers')),
    containers: await daemon.api.get('/containers/json', { all: true }),
  })
  const NOTHING = { steps: [], contexts: [], roots: [], run: [], containers: [] }

  test('of a build that failed', async () => {
    await build(skiff, { Dockerfile: 'FROM busybox\nRUN touch /x; exit 1' })
    expect(await leftovers(skiff)).toEqual(NOTHING)
  })

  test('of one whose client has gone', async () => {
    const folder = await folderOf({ Dockerfile: 'FROM busybox\nRUN echo started; sleep 1000' })
    const session = open(skiff, ['build', '--progress', 'plain', folder], { tty: true })
    await session.until('  started')
    expect((await leftovers(skiff)).containers).toEqual([])
    session.kill('SIGKILL')
    await session.result
    await expect.poll(() => leftovers(skiff), { timeout: 30_000 }).toEqual(NOTHING)
  })

  test('of one whose daemon was stopped', async () => {
    const daemon = await startDaemon()
    await importBusybox(daemon)
    const folder = await folderOf({ Dockerfile: 'FROM busybox\nRUN echo started; sleep 1000' })
    const session = open(daemon, ['build', '--progress', 'plain', folder], { tty: true })
    await session.until('  started')
    await daemon.terminate()
    expect(readdirSync(join(daemon.dataRoot, 'build/steps'))).toEqual([])
    expect(readdirSync(join(daemon.execRoot, 'containers'))).toEqual([])
    expect((await session.result).code).toBe(1)
  })

  test('of one whose daemon was killed', async () => {
    const daemon = await startDaemon()
    await importBusybox(daemon)
    const folder = await folderOf({ Dockerfile: 'FROM busybox\nRUN echo one >/one\nRUN echo started; sleep 1000' })
    const session = open(daemon, ['build', '--progress', 'plain', folder], { tty: true })
    await session.until('  started')
    await daemon.kill9()
    await session.result
    await daemon.restart()
    expect(await leftovers(daemon)).toEqual(NOTHING)
    // The first step's layer was not on the disk for certain: nobody misses it.
    expect(existsSync(join(daemon.dataRoot, 'damaged'))).toBe(false)
    expect((await daemon.api.get('/system/df')).LayersSize).toBeGreaterThan(0)
    expect(await cliOk(daemon, ['run', '--rm', '--network', 'none', 'busybox', 'echo', 'works'])).toBe('works')
  })
})

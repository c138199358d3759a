/** The flags of `build` beside those of Docker's client with BuildKit: the same image, files, IDs. */

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createAgent } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { contextOf } from '../support/build.ts'
import { describeImage } from '../support/build-compare.ts'
import { type Case, startTwins, type Twins } from '../support/build-twins.ts'
import { cliOk } from '../support/cli.ts'
import { fingerprint } from '../support/fingerprint.ts'

let twins: Twins
beforeAll(async () => {
  twins = await startTwins()
})

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
])('%s', (_, one) => twins.same(one))

test('an archive and a URL as context', async () => {
  const archive = await contextOf({ Dockerfile: `${FROM}\nCOPY f /f`, f: 'in the archive' })
  twins.served = archive
  const env = { DOCKER_BUILDKIT: '1' }
  const build = ['build', '--network', 'none', '-t', 'built']
  await cliOk(twins.engines.docker, [...build, '-'], { stdin: archive, env })
  const expected = await describeImage(twins.engines.docker, 'built')
  await cliOk(twins.engines.skiff, [...build, '-'], { stdin: archive })
  expect(await describeImage(twins.engines.skiff, 'built')).toEqual(expected)
  await cliOk(twins.engines.skiff, ['rmi', '-f', 'built'])
  await cliOk(twins.engines.skiff, [...build, twins.url])
  expect(await describeImage(twins.engines.skiff, 'built')).toEqual(expected)
})

test('-o: a folder, an archive in a file and on stdout', async () => {
  const dockerfile = ['FROM scratch', 'COPY --chown=3:4 dir /dir', 'COPY run.sh /']
  const results = await twins.onBoth(async engine => {
    const out = mkdtempSync(join(twins.room, 'out-'))
    const build = async (output: string) => {
      const { code, stdout, stderr } = await twins.buildOn(engine, { dockerfile, args: ['-o', output] })
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
  const [skiff, docker] = await twins.onBoth(async engine => {
    const file = join(mkdtempSync(join(twins.room, 'iid-')), 'iid')
    const args = ['-q', '--iidfile', file, '-t', 'second:tag', '-t', 'third']
    const { stdout, stderr } = await twins.buildOn(engine, { dockerfile: [FROM, 'RUN echo x >/x'], args })
    const ids = await Promise.all(
      ['built', 'second:tag', 'third'].map(async name => (await engine.api.get(`/images/${name}/json`)).Id),
    )
    return { stderr, ids: [...ids, stdout.trim(), readFileSync(file, 'utf8')].map(id => ids.indexOf(id)) }
  })
  expect(skiff).toEqual(docker)
  expect(skiff.ids).toEqual([0, 0, 0, 0, 0])
})

test('--ssh', async () => {
  const socket = join(twins.room, 'agent')
  const agent = createAgent(connection => connection.end())
  await new Promise<void>(resolve => agent.listen(socket, resolve))
  await twins.same({
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
  await twins.same({
    dockerfile: [FROM, 'RUN echo x >/x'],
    args: ['--cache-from', 'built', '--build-arg', 'BUILDKIT_INLINE_CACHE=1'],
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

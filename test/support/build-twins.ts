/** One build on skiff and on BuildKit as the reference engine has it, by their own clients; both must come to the same image. */

import { mkdirSync, mkdtempSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { contextOf } from './build.ts'
import { type Description, describeImage } from './build-compare.ts'
import { type CliResult, cli } from './cli.ts'
import type { Pair } from './compare.ts'
import { startDaemon } from './daemon.ts'
import { disposeLater } from './disposal.ts'
import type { Engine } from './engine.ts'
import { importBusybox } from './images.ts'
import { temporaryFolder } from './layer-room.ts'
import { startReferenceEngine } from './reference-engine.ts'

/** A file's text or bytes, or a symlink. */
type Content = string | Buffer | { link: string }

export interface Case {
  dockerfile: string | string[]
  /** For the reference, where its own words are older. */
  older?: string[]
  files?: Record<string, Content>
  /** FOLDER stands for the context's. */
  args?: string[]
  /** In the place of the folder. */
  context?: string
  stdin?: string
  env?: Record<string, string>
}

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
const LONG_AGO = 1_600_000_000

export interface Twins {
  engines: Pair<Engine>
  /** For what else a test writes. */
  room: string
  /** Where `served` can be fetched; at first a.tar.gz of the context. */
  url: string
  served: Buffer
  buildOn(engine: Engine, one: Case): Promise<CliResult>
  onBoth<T>(work: (engine: Engine) => Promise<T>): Promise<[skiff: T, docker: T]>
  /** The same configuration and files. */
  same(one: Case, options?: { withTimes: boolean }): Promise<void>
}

export async function startTwins(): Promise<Twins> {
  const room = await temporaryFolder()
  const [skiff, docker] = await Promise.all([startDaemon(), startReferenceEngine()])
  await Promise.all([importBusybox(skiff), importBusybox(docker)])
  const archive = gzipSync(await contextOf({ 'in/': {} as never, 'in/f': 'in the archive' }))
  const server = createServer((_, response) => response.end(twins.served))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  disposeLater(async () => void server.close())
  const twins: Twins = {
    // Newer clients want a plug-in for BuildKit; the engine's own one does not.
    engines: { skiff, docker: { ...docker, command: ['/usr/bin/docker', '-H', `unix://${docker.socket}`] } },
    room,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.tar.gz`,
    served: archive,
    buildOn: (engine, one) => buildOn(engine, room, { ...one, files: { 'a.tar.gz': archive, ...one.files } }),
    onBoth: work => Promise.all([work(twins.engines.skiff), work(twins.engines.docker)]),
    async same(one, { withTimes } = { withTimes: true }) {
      const [ours, theirs] = await twins.onBoth(async engine => {
        const { code, stderr } = await twins.buildOn(engine, one)
        if (code !== 0) throw new Error(`${engine.name}: ${stderr}`)
        const image = await describeImage(engine, 'built')
        return withTimes ? image : timeless(image)
      })
      expect(ours).toEqual(theirs)
    },
  }
  return twins
}

const timeless = (image: Description): Description => ({
  ...image,
  tree: image.tree.map(line => line.replace(/ \S+Z$/, '')),
})

function buildOn(
  engine: Engine,
  room: string,
  { dockerfile, older, files = {}, args = [], context, stdin, env }: Case,
): Promise<CliResult> {
  const text = engine.name === 'docker' ? (older ?? dockerfile) : dockerfile
  const Dockerfile = typeof text === 'string' ? text : text.join('\n')
  const folder = folderOf(room, { ...FILES, ...files, Dockerfile })
  const words = ['build', '--network', 'none', '-t', 'built', ...args.map(word => word.replace('FOLDER', folder))]
  return cli(engine, [...words, context ?? folder], {
    env: { DOCKER_BUILDKIT: '1', ...env },
    ...(stdin !== undefined && { stdin }),
  })
}

function folderOf(room: string, files: Record<string, Content>): string {
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

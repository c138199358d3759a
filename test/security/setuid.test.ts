/**
 * Set-user-ID programs: of an image or a volume they make root of a user in the container, unless no-new-privileges is set.
 * CVE-2022-36109 belongs here too: a primary group that is left out of the supplementary ones can be given up, and what is denied to it got.
 */

import { chmod, chown, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { exec } from '../support/containers.ts'
import type { Engine } from '../support/engine.ts'
import { attackLines, hostile, hostileImage, PROGRAMS, sharedFolder, startVictim } from './attack.ts'

let engine: Engine
let volume: string
beforeAll(async () => {
  engine = await startVictim()
  await hostileImage(engine, 'secret', [{ name: 'secret', mode: 0o600 }])
  volume = await sharedFolder()
  await chmod(volume, 0o755)
  // Whatever it is told to try it tries with the rights of its owner.
  const program = join(volume, 'try')
  await copyFile(join(PROGRAMS, 'try'), program)
  await chown(program, 0, 0)
  await chmod(program, 0o4755)
})

/** Only root may read it. */
const SECRET = '/v/try open /secret r'
const SCRIPT = `${SECRET}; grep NoNewPrivs /proc/self/status`
const host = (options: string[], flag = '') => ({ Binds: [`${volume}:/v${flag}`], SecurityOpt: options })
const user = { Image: 'secret', User: '1000' }

describe('with no-new-privileges', () => {
  test('a set-user-ID program of a volume gives nothing', async () => {
    expect(await attackLines(engine, SCRIPT, host(['no-new-privileges']), user)).toEqual(['EACCES', 'NoNewPrivs:\t1'])
  })

  test('nor in an exec', async () => {
    const id = await hostile(engine, ['sleep', '1000'], host(['no-new-privileges:true']), user)
    expect((await exec(engine, id, ['sh', '-c', SECRET])).stdout).toBe('EACCES\n')
  })
})

test('while without it the program is root', async () => {
  expect(await attackLines(engine, SCRIPT, host([]), user)).toEqual(['ok', 'NoNewPrivs:\t0'])
})

test('it is root of the container only: the bounding set is what the container was given', async () => {
  const script = '/v/try mount tmpfs "" /tmp; /v/try open /proc/sys/kernel/core_pattern w'
  expect(await attackLines(engine, script, host([]), user)).toEqual(['EPERM', 'EROFS'])
})

test('the primary group is among the supplementary ones: it cannot be given up', async () => {
  expect(await attackLines(engine, 'id -G', {}, { User: '1000:1000' })).toEqual(['1000'])
  expect(await attackLines(engine, 'grep Groups /proc/self/status', {}, { User: '1000:1000' })).toEqual([
    'Groups:\t1000 ',
  ])
})

/** The image's configuration below the user's. */

import { describe, expect, it } from 'vitest'
import { mergeImageConfig, processOf } from '../../../src/containers/create/merge.ts'
import { overlayEnv } from '../../../src/containers/environment.ts'
import { config, image } from './defaults.ts'

const command = (own: Parameters<typeof config>[0], of: Parameters<typeof image>[0]) => {
  const { path, args } = processOf(mergeImageConfig(config(own), image(of)))
  return [path, ...args].join(' ')
}

describe('the command of a container', () => {
  const both = { entrypoint: ['/init', '-x'], cmd: ['serve'] }

  it('is the image’s where the user says nothing', () => expect(command({}, both)).toBe('/init -x serve'))
  it('keeps the entrypoint when the user gives a command', () =>
    expect(command({ cmd: ['sh'] }, both)).toBe('/init -x sh'))
  it('loses the image’s command when the user gives an entrypoint', () =>
    expect(command({ entrypoint: ['env'] }, both)).toBe('env'))
  it('has no entrypoint at all when it is set to an empty text', () =>
    expect(command({ entrypoint: [''], cmd: ['ls'] }, both)).toBe('ls'))
  it('loses the image’s command with an empty entrypoint, too', () =>
    expect(() => command({ entrypoint: [''] }, both)).toThrow('no command specified'))
  it('must be there', () => expect(() => command({}, {})).toThrow('no command specified'))
})

describe('everything else', () => {
  const merged = mergeImageConfig(
    config({ env: ['A=own', 'REMOVED'], labels: { a: 'own' }, exposedPorts: ['80/tcp'], volumes: ['/v'] }),
    image({
      env: ['A=image', 'B=image', 'REMOVED=x'],
      labels: { a: 'image', b: 'image' },
      exposedPorts: ['80/tcp', '53/udp'],
      volumes: ['/w'],
      user: 'www',
      workingDir: '/srv',
      stopSignal: 'SIGINT',
      healthcheck: {
        test: ['CMD', 'true'],
        intervalNs: 5e9,
        timeoutNs: 0,
        startPeriodNs: 0,
        startIntervalNs: 0,
        retries: 4,
      },
    }),
  )

  it('puts the user’s variables first and keeps what they name', () =>
    expect(merged.env).toEqual(['A=own', 'REMOVED', 'B=image']))
  it('unites labels, ports and volumes', () => {
    expect(merged.labels).toEqual({ a: 'own', b: 'image' })
    expect(merged.exposedPorts).toEqual(['80/tcp', '53/udp'])
    expect(merged.volumes).toEqual(['/v', '/w'])
  })
  it('fills in what is missing', () =>
    expect(merged).toMatchObject({
      user: 'www',
      workingDir: '/srv',
      stopSignal: 'SIGINT',
      healthcheck: { retries: 4 },
    }))
  it('mixes a health check field by field', () => {
    const own = { test: [], intervalNs: 0, timeoutNs: 7e9, startPeriodNs: 0, startIntervalNs: 0, retries: 0 }
    const of = { test: ['CMD', 'x'], intervalNs: 1e9, timeoutNs: 1e9, startPeriodNs: 0, startIntervalNs: 0, retries: 2 }
    expect(mergeImageConfig(config({ healthcheck: own }), image({ healthcheck: of })).healthcheck).toEqual({
      ...of,
      timeoutNs: 7e9,
    })
  })
})

describe('the environment of a process', () => {
  it('takes later entries over earlier ones, in the place of the earlier', () =>
    expect(overlayEnv(['PATH=/bin', 'A=1'], ['PATH=/usr/bin'], ['B=2'])).toEqual(['PATH=/usr/bin', 'A=1', 'B=2']))
  it('loses what is named without a value', () => expect(overlayEnv(['A=1', 'B=2'], ['A'])).toEqual(['B=2']))
  it('keeps values with equals signs and empty ones', () =>
    expect(overlayEnv(['A=x=y'], ['B='])).toEqual(['A=x=y', 'B=']))
})

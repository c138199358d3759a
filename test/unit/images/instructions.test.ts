import { describe, expect, it } from 'vitest'
import { applyInstructions, durationNs } from '../../../src/images/instructions.ts'
import { EMPTY_CONFIG } from '../../../src/images/oci.ts'

const apply = (...lines: string[]) => applyInstructions(EMPTY_CONFIG, lines)

describe('instructions of import -c and commit -c', () => {
  it('takes exec form as it is, and runs shell form in the shell', () => {
    expect(apply('CMD ["sh", "-x"]').cmd).toEqual(['sh', '-x'])
    expect(apply('CMD echo "a  b"').cmd).toEqual(['/bin/sh', '-c', 'echo "a  b"'])
    expect(apply('SHELL ["/bin/bash", "-c"]', 'entrypoint run').entrypoint).toEqual(['/bin/bash', '-c', 'run'])
    expect(apply('CMD [broken').cmd).toEqual(['/bin/sh', '-c', '[broken'])
  })

  it('understands both forms of ENV and LABEL, with quotes', () => {
    expect(apply('ENV A=1 B="two words" C=\'$x\' D=a\\ b').env).toEqual(['A=1', 'B=two words', 'C=$x', 'D=a b'])
    expect(apply('ENV A some text', 'ENV A=2').env).toEqual(['A=2'])
    expect(apply('LABEL a.b="c d" e=').labels).toEqual({ 'a.b': 'c d', e: '' })
  })

  it('collects ports, volumes, triggers', () => {
    expect(apply('EXPOSE 80 53/UDP', 'EXPOSE 80/tcp').exposedPorts).toEqual(['80/tcp', '53/udp'])
    expect(apply('VOLUME /a /b', 'VOLUME ["/c d"]').volumes).toEqual(['/a', '/b', '/c d'])
    expect(apply('ONBUILD RUN make').onBuild).toEqual(['RUN make'])
  })

  it('reads health checks', () => {
    expect(apply('HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f x').healthcheck).toEqual({
      test: ['CMD-SHELL', 'curl -f x'],
      intervalNs: 90e9,
      timeoutNs: 500e6,
      startPeriodNs: 0,
      startIntervalNs: 0,
      retries: 3,
    })
    expect(apply('HEALTHCHECK NONE').healthcheck?.test).toEqual(['NONE'])
    expect(apply('HEALTHCHECK CMD ["a"]').healthcheck?.test).toEqual(['CMD', 'a'])
  })

  it('changes the rest', () => {
    const config = apply('USER 1000:100', 'WORKDIR /srv', 'WORKDIR www', 'STOPSIGNAL SIGINT')
    expect(config).toMatchObject({ user: '1000:100', workingDir: '/srv/www', stopSignal: 'SIGINT' })
    expect(EMPTY_CONFIG.user).toBe('')
  })

  it.each([
    ['RUN make', 'run is not a valid change command'],
    ['FROM x', 'from is not a valid change command'],
    ['CMD', 'CMD requires at least one argument'],
    ['ENV A', 'ENV must have two arguments'],
    ['ENV A=1 B', "can't find = in"],
    ['EXPOSE http', 'invalid containerPort: http'],
    ['USER a b', 'USER requires exactly one argument'],
    ['HEALTHCHECK curl', 'Unknown type'],
    ['HEALTHCHECK --often=1s CMD a', 'Unknown flag: often'],
  ])('refuses %s', (line, message) => {
    expect(() => apply(line)).toThrow(message)
  })

  it('adds up durations', () => {
    expect(durationNs('1h2m3.5s')).toBe(3723.5e9)
    expect(() => durationNs('5')).toThrow('invalid duration')
    expect(() => durationNs('1x')).toThrow('invalid duration')
  })
})

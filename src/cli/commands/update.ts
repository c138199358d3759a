/** skiff update: other limits and another restart policy for containers. */

import { segment } from '../../client/paths.ts'
import { write } from '../../client/write.ts'
import { ANY, command } from '../command.ts'
import { forEach } from '../containers/each.ts'
import { blkioWeight, bytes, cpus, swapBytes } from '../create/flags.ts'
import { restartPolicy } from '../create/restart.ts'
import { CommandError } from '../errors.ts'
import { int, string } from '../parse/flag.ts'

export const update = command({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  arity: [1, ANY],
  flags: {
    'blkio-weight': blkioWeight(),
    'cpu-period': int('Period of the CPU quota in microseconds'),
    'cpu-quota': int('CPU time in microseconds that may be used in a period'),
    'cpu-rt-period': int('Period of the real-time CPU quota in microseconds'),
    'cpu-rt-runtime': int('Real-time CPU time in microseconds in a period'),
    'cpu-shares': int('CPU shares relative to others', { short: 'c' }),
    cpus: cpus('Number of CPUs that may be used'),
    'cpuset-cpus': string('CPUs that may be used: 0-3, 0,1'),
    'cpuset-mems': string('Memory nodes that may be used: 0-3, 0,1'),
    'kernel-memory': bytes('', { hidden: true }),
    memory: bytes('Memory limit', { short: 'm' }),
    'memory-reservation': bytes('Memory that is protected from others; a soft limit'),
    'memory-swap': swapBytes('Limit of memory and swap together; -1 for unlimited swap'),
    'pids-limit': int('Limit of processes; -1 for unlimited'),
    restart: string('What to do when the container ends: no, on-failure[:retries], always, unless-stopped'),
  },
  async run({ session, engine, options, args, given }) {
    if (given.size === 0) throw new CommandError('you must provide one or more flags when using this command')
    const body = {
      BlkioWeight: options['blkio-weight'],
      CpuPeriod: options['cpu-period'],
      CpuQuota: options['cpu-quota'],
      CpuRealtimePeriod: options['cpu-rt-period'],
      CpuRealtimeRuntime: options['cpu-rt-runtime'],
      CpuShares: options['cpu-shares'],
      NanoCpus: options.cpus,
      CpusetCpus: options['cpuset-cpus'],
      CpusetMems: options['cpuset-mems'],
      ...(given.has('kernel-memory') && { KernelMemory: options['kernel-memory'] }),
      Memory: options.memory,
      MemoryReservation: options['memory-reservation'],
      MemorySwap: options['memory-swap'],
      ...(given.has('pids-limit') && { PidsLimit: options['pids-limit'] }),
      RestartPolicy: given.has('restart') ? restartPolicy(options.restart) : { Name: '', MaximumRetryCount: 0 },
    }
    const warnings: string[] = []
    try {
      await forEach(session, args, async name => {
        const path = `/containers/${segment(name)}/update`
        const answer = await engine.post<{ Warnings?: string[] | null }>(path, {}, body)
        warnings.push(...(answer.Warnings ?? []))
      })
    } finally {
      for (const warning of warnings) await write(session.stderr, `${warning}\n`)
    }
  },
})

/** The columns of `stats`. */

import type { Columns } from '../output/format.ts'
import { binarySize, humanSize } from '../output/sizes.ts'
import type { Sample } from './stats-sample.ts'

const ID_LENGTH = 12
const IO_DIGITS = 3

const io = (a: number, b: number): string => `${humanSize(a, IO_DIGITS)} / ${humanSize(b, IO_DIGITS)}`

export const statsColumns = (truncate: boolean): Columns<Sample> => ({
  Container: { header: 'CONTAINER', value: ({ container }) => container },
  ID: { header: 'CONTAINER ID', value: ({ id }) => (truncate ? id.slice(0, ID_LENGTH) : id) },
  Name: { header: 'NAME', value: ({ name }) => name },
  CPUPerc: { header: 'CPU %', value: ({ cpuPercent }) => `${cpuPercent.toFixed(2)}%` },
  MemUsage: {
    header: 'MEM USAGE / LIMIT',
    value: ({ memory, memoryLimit }) => `${binarySize(memory)} / ${binarySize(memoryLimit)}`,
  },
  MemPerc: { header: 'MEM %', value: ({ memoryPercent }) => `${memoryPercent.toFixed(2)}%` },
  NetIO: { header: 'NET I/O', value: ({ received, sent }) => io(received, sent) },
  BlockIO: { header: 'BLOCK I/O', value: ({ read, written }) => io(read, written) },
  PIDs: { header: 'PIDS', value: ({ pids }) => String(pids) },
})

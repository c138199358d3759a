/** What a program needs to run: its interpreter and shared libraries, read from the file itself. See elf(5), ld.so(8). */

import { type FileHandle, open } from 'node:fs/promises'

export interface ElfNeeds {
  /** The dynamic linker; undefined for libraries and static programs. */
  interpreter: string | undefined
  libraries: string[]
  /** Folders to search first, which may contain $ORIGIN. */
  runPath: string[]
}

const ELF64_LITTLE_ENDIAN = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1])
const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const DT_NEEDED = 1n
const DT_STRTAB = 5n
const DT_STRSZ = 10n
const DT_RPATH = 15n
const DT_RUNPATH = 29n

interface Segment {
  type: number
  offset: number
  address: number
  size: number
}

/** undefined if the file is not an ELF file of a 64-bit little-endian machine. */
export async function readElf(path: string): Promise<ElfNeeds | undefined> {
  const file = await open(path, 'r')
  try {
    const header = await bytesAt(file, 0, 64)
    if (!header.subarray(0, 6).equals(ELF64_LITTLE_ENDIAN)) return undefined
    const segments = await segmentsOf(file, header)
    const interp = segments.find(({ type }) => type === PT_INTERP)
    const interpreter = interp && untilNul(await bytesAt(file, interp.offset, interp.size), 0)
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
    if (dynamic === undefined) return { interpreter, libraries: [], runPath: [] }
    return { interpreter, ...(await needsOf(file, segments, dynamic)) }
  } finally {
    await file.close()
  }
}

async function segmentsOf(file: FileHandle, header: Buffer): Promise<Segment[]> {
  const start = Number(header.readBigUInt64LE(32))
  const entrySize = header.readUInt16LE(54)
  const count = header.readUInt16LE(56)
  const table = await bytesAt(file, start, entrySize * count)
  return Array.from({ length: count }, (_, index) => {
    const at = index * entrySize
    return {
      type: table.readUInt32LE(at),
      offset: Number(table.readBigUInt64LE(at + 8)),
      address: Number(table.readBigUInt64LE(at + 16)),
      size: Number(table.readBigUInt64LE(at + 32)),
    }
  })
}

async function needsOf(
  file: FileHandle,
  segments: Segment[],
  dynamic: Segment,
): Promise<Pick<ElfNeeds, 'libraries' | 'runPath'>> {
  const table = await bytesAt(file, dynamic.offset, dynamic.size)
  const values = new Map<bigint, number[]>()
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const tag = table.readBigUInt64LE(at)
    values.set(tag, [...(values.get(tag) ?? []), Number(table.readBigUInt64LE(at + 8))])
  }
  const [address] = values.get(DT_STRTAB) ?? []
  const [size] = values.get(DT_STRSZ) ?? []
  const segment = segments.find(
    ({ type, address: start, size: length }) =>
      type === PT_LOAD && address !== undefined && address >= start && address < start + length,
  )
  if (address === undefined || size === undefined || segment === undefined) return { libraries: [], runPath: [] }
  const strings = await bytesAt(file, segment.offset + address - segment.address, size)
  const namesOf = (tag: bigint): string[] => (values.get(tag) ?? []).map(offset => untilNul(strings, offset))
  const runPath = [...namesOf(DT_RUNPATH), ...namesOf(DT_RPATH)].flatMap(path => path.split(':'))
  return { libraries: namesOf(DT_NEEDED), runPath }
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  await file.read(bytes, 0, length, position)
  return bytes
}

const untilNul = (bytes: Buffer, start: number): string => {
  const end = bytes.indexOf(0, start)
  return bytes.toString('utf8', start, end === -1 ? bytes.length : end)
}

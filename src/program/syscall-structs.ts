/**
 * The structures that system calls point to, as blobs. Each function names the C structure and where it is documented; all
 * integers are little-endian, which both architectures of ours are.
 */

import type { Blob, BlobField, Flags, Slot } from './step.ts'

const struct = (bytes: Buffer, shown: string, fields?: readonly BlobField[]): Blob => ({
  kind: 'blob',
  bytes,
  shown,
  ...(fields && { fields }),
})

/** struct open_how: openat2(2). */
export function openHow(flags: Flags, resolve: Flags): Blob {
  const bytes = Buffer.alloc(24)
  bytes.writeBigUInt64LE(BigInt(flags.value), 0)
  bytes.writeBigUInt64LE(BigInt(resolve.value), 16)
  return struct(bytes, `{flags=${flags.shown}, resolve=${resolve.shown}}`)
}

/** struct mount_attr: mount_setattr(2). What is not named stays as it is. */
export function mountAttr({
  set,
  clear,
  propagation,
  userns,
}: {
  set?: Flags
  clear?: Flags
  propagation?: Flags
  userns?: Slot
}): Blob {
  const bytes = Buffer.alloc(32)
  bytes.writeBigUInt64LE(BigInt(set?.value ?? 0), 0)
  bytes.writeBigUInt64LE(BigInt(clear?.value ?? 0), 8)
  bytes.writeBigUInt64LE(BigInt(propagation?.value ?? 0), 16)
  const parts = [
    set && `attr_set=${set.shown}`,
    clear && `attr_clr=${clear.shown}`,
    propagation && `propagation=${propagation.shown}`,
    userns && `userns_fd={${userns.name}}`,
  ]
  return struct(bytes, `{${parts.filter(Boolean).join(', ')}}`, userns && [{ offset: 24, value: userns }])
}

/** struct rlimit64: getrlimit(2). -1 is RLIM_INFINITY. */
export function rlimit(soft: number, hard: number): Blob {
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(soft)), 0)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(hard)), 8)
  const show = (limit: number): string => (limit === -1 ? 'RLIM_INFINITY' : String(limit))
  return struct(bytes, `{rlim_cur=${show(soft)}, rlim_max=${show(hard)}}`)
}

/** struct winsize: TIOCSWINSZ(2const). */
export function winsize(rows: number, columns: number): Blob {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(rows, 0)
  bytes.writeUInt16LE(columns, 2)
  return struct(bytes, `{ws_row=${rows}, ws_col=${columns}}`)
}

/** An int in memory. */
export function int(value: number): Blob {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return struct(bytes, `[${value}]`)
}

/** gid_t list[]: getgroups(2). */
export function gidList(gids: readonly number[]): Blob {
  const bytes = Buffer.alloc(gids.length * 4)
  for (const [index, gid] of gids.entries()) bytes.writeUInt32LE(gid, index * 4)
  return struct(bytes, `[${gids.join(', ')}]`)
}

/** struct ifreq with ifr_flags: netdevice(7). */
export function interfaceFlags(name: string, flags: Flags): Blob {
  const bytes = Buffer.alloc(40)
  bytes.write(name, 0, 15)
  bytes.writeInt16LE(Number(flags.value), 16)
  return struct(bytes, `{ifr_name="${name}", ifr_flags=${flags.shown}}`)
}

/** cap_user_header_t for the calling thread: capset(2). */
export function capHeader(): Blob {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(0x20080522, 0)
  return struct(bytes, '{version=_LINUX_CAPABILITY_VERSION_3, pid=0}')
}

/** cap_user_data_t[2]: the low 32 capabilities of each set, then the high ones. */
export function capData(sets: { effective: bigint; permitted: bigint; inheritable: bigint }): Blob {
  const bytes = Buffer.alloc(24)
  for (const [index, set] of [sets.effective, sets.permitted, sets.inheritable].entries()) {
    bytes.writeUInt32LE(Number(BigInt.asUintN(32, set)), index * 4)
    bytes.writeUInt32LE(Number(BigInt.asUintN(32, set >> 32n)), 12 + index * 4)
  }
  const parts = Object.entries(sets).map(([name, set]) => `${name}=0x${set.toString(16)}`)
  return struct(bytes, `{${parts.join(', ')}}`)
}

/** char *const argv[]: pointers to strings, closed by a null pointer. */
export function stringArray(strings: readonly string[]): Blob {
  const fields = strings.map((value, index) => ({ offset: index * 8, value }))
  return struct(Buffer.alloc((strings.length + 1) * 8), JSON.stringify(strings).replaceAll('","', '", "'), fields)
}

/** struct sock_fprog: seccomp(2). `instructions` is an array of struct sock_filter, 8 bytes each. */
export function filterProgram(instructions: Uint8Array, name: string): Blob {
  const count = instructions.length / 8
  const filter = struct(Buffer.from(instructions), `${count} instructions`)
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16LE(count, 0)
  return struct(bytes, `{len=${count}, filter=${name}}`, [{ offset: 8, value: filter }])
}

const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const CMSG_HEADER_BYTES = 16

/** struct msghdr with one byte of data and one descriptor: unix(7), cmsg(3). */
export function descriptorMessage(descriptor: Slot): Blob {
  const control = Buffer.alloc(24)
  control.writeBigUInt64LE(BigInt(CMSG_HEADER_BYTES + 4), 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  const vector = Buffer.alloc(16)
  vector.writeBigUInt64LE(1n, 8)
  const header = Buffer.alloc(56)
  header.writeBigUInt64LE(1n, 24)
  header.writeBigUInt64LE(BigInt(control.length), 40)
  return struct(header, `{msg_iov=[{"\\0", 1}], msg_control=[{SOL_SOCKET, SCM_RIGHTS, [${descriptor.name}]}]}`, [
    { offset: 16, value: struct(vector, 'iovec', [{ offset: 0, value: '' }]) },
    { offset: 32, value: struct(control, 'cmsghdr', [{ offset: CMSG_HEADER_BYTES, value: descriptor }]) },
  ])
}

/**
 * What TypeScript and C must agree upon: the wire format of a program and the messages of the shim. This is the only place
 * where these numbers are written; `native/generated/abi.h` is made from it (src/program/abi-header.ts).
 */

import { struct } from './struct.ts'

/**
 * The encoded program; all integers little-endian. In this order, without gaps:
 *
 *     header | steps | slot fields | pointer fields | data
 *
 * A step's arguments are immediate words, offsets into the data, or slots. Pointer fields are filled in once, before the
 * first step: the word at `at` becomes the address of `target` (both offsets into the data). The slot fields of a step are
 * filled in just before it: the 32 bits at `at` become the slot's value, e.g. an fd inside a control message.
 * The data's last byte is zero, so that no string runs past its end.
 */
export const PROGRAM = {
  MAGIC: 0x50464b53, // "SKFP"
  VERSION: 1,
  MAX_STEPS: 4096,
  MAX_SLOTS: 512,
  MAX_ARGUMENTS: 6,
  MAX_TOLERATED: 4,
  /** Slot fields and pointer fields, each. */
  MAX_FIELDS: 65536,
  MAX_BYTES: 8 << 20,
  NO_SLOT: 0xffff,
} as const

export const PROGRAM_HEADER = struct({
  magic: 'u32',
  version: 'u32',
  steps: 'u32',
  slots: 'u32',
  slot_fields: 'u32',
  pointer_fields: 'u32',
  data_bytes: 'u32',
  reserved: 'u32',
})

export const PROGRAM_STEP = struct({
  number: 'u32',
  /** Takes the result; NO_SLOT: nothing does. */
  result_slot: 'u16',
  /** OPERAND, by argument. */
  kinds: ['u8', 6],
  /** Errnos that are as good as success; 0: none. */
  tolerated: ['u16', 4],
  first_slot_field: 'u32',
  slot_fields: 'u32',
  reserved: 'u32',
  args: ['u64', 6],
})

export const SLOT_FIELD = struct({ at: 'u32', slot: 'u32' })
export const POINTER_FIELD = struct({ at: 'u32', target: 'u32' })

/** How an argument word is to be read. */
export const OPERAND = { IMMEDIATE: 0, DATA: 1, SLOT: 2 } as const

/** What became of a step: the system call's result or -errno (cut to 32 bits), and the time it took. */
export const REPORT = struct({ step: 'u32', result: 'i32', duration_ns: 'u64' })

/** Slots which the shim fills before the first step. Descriptors that the daemon hands over follow, in their order. */
export const SLOT = {
  /** The container's ends of its standard streams (pipes, or /dev/null); all -1 with a terminal. */
  STDIN: 0,
  STDOUT: 1,
  STDERR: 2,
  /** A socket on which the program sends the pty's master side to the shim (SCM_RIGHTS); -1 without a terminal. */
  CONSOLE: 3,
  FIRST_PASSED: 4,
} as const

/** Flags of a launch. */
export const LAUNCH = {
  MAGIC: 0x4c464b53, // "SKFL"
  VERSION: 1,
  TTY: 1 << 0,
  /** Keep a stdin pipe open for attached clients; without it stdin is /dev/null. */
  STDIN_OPEN: 1 << 1,
  /** Close the container's stdin when the first client that attached to it has gone. */
  STDIN_ONCE: 1 << 2,
  /** Write stdout and stderr to the log. */
  LOG: 1 << 3,
  /** Tell when the log was rotated: somebody compresses the older files. */
  TELL_ROTATIONS: 1 << 4,
  MAX_BYTES: 32 << 20,
} as const

/** Descriptors that a shim is born with. Those that a launch may have follow; their numbers are in the record. */
export const SHIM_FD = { LAUNCH: 3, RUN_FOLDER: 4, LISTENER: 5, CONTROL: 6, FIRST_OPTIONAL: 7 } as const

/**
 * A shim that is made before its launch: its argument begins with PLACEHOLDER ('-') until it has an id, it is born with its end of
 * the control connection alone, and is sent the other FIXED and then the optional ones, MOST of them together (SCM_MAX_FD).
 */
export const AHEAD = { PLACEHOLDER: 45, CONTROL: 3, FIXED: 3, MOST: 253 } as const

/** The launch record: this header, `attached` × ATTACH_REQUEST, then the variable parts, each by offset and length. */
export const LAUNCH_HEADER = struct({
  magic: 'u32',
  version: 'u32',
  total_bytes: 'u32',
  flags: 'u32',
  clone_flags: 'u64',
  /** Descriptors; -1: none. */
  log_folder: 'i32',
  cgroup: 'i32',
  first_attached: 'i32',
  attached: 'u32',
  first_passed: 'i32',
  passed: 'u32',
  /** The program that runs before the clone; 0 bytes: none. Programs start at multiples of 8. */
  before_at: 'u32',
  before_bytes: 'u32',
  main_at: 'u32',
  main_bytes: 'u32',
  /** The log's file name. */
  log_name_at: 'u32',
  log_name_bytes: 'u32',
  /** A JSON object that each entry carries; 0 bytes: none. */
  log_attributes_at: 'u32',
  log_attributes_bytes: 'u32',
  /** 0: never rotate. */
  log_max_bytes: 'u64',
  log_max_files: 'u32',
  reserved: 'u32',
  /** LOG_FORWARD, then its texts; 0 bytes: entries go nowhere else. */
  log_forward_at: 'u32',
  log_forward_bytes: 'u32',
})

export const LOG_LIMITS = { MAX_NAME: 200, MAX_ATTRIBUTES: 16 << 10, MAX_FORWARD_TEXT: 64 << 10 } as const

/** Whom log entries are sent to besides the file, and how; `before_bytes` and `after_bytes` of text follow. */
export const LOG_FORWARD = struct({
  /** FORWARD_FORMAT */
  format: 'u32',
  /** syslog(3)'s facility, not shifted. */
  facility: 'u32',
  /** SOCK_STREAM or SOCK_DGRAM. */
  socket_type: 'u32',
  /** 1: what the process writes waits for a slow receiver; 0: entries that do not fit are lost. */
  blocking: 'u32',
  /** How much may wait to be sent. */
  buffer_bytes: 'u64',
  /** Of local time, for the formats that know no time zone. */
  utc_offset_seconds: 'i32',
  address_bytes: 'u32',
  /** As connect(2) takes it. */
  address: ['u8', 128],
  before_bytes: 'u32',
  after_bytes: 'u32',
})

/** How a message looks; native/shim/forward-message.c. */
export const FORWARD_FORMAT = { UNIX: 1, RFC3164: 2, RFC5424: 3, RFC5424_MICRO: 4, JOURNAL: 5 } as const

/** What a client of the streams asks for; the payload of an ATTACH frame. */
export const ATTACH_REQUEST = struct({ flags: 'u32', key_count: 'u32', keys: ['u8', 32] })

export const ATTACH_LIMITS = { MAX_KEYS: 32, MAX_CLIENTS: 1024 } as const

/** Flags of an attached client. */
export const ATTACH = {
  STDIN: 1 << 0,
  STDOUT: 1 << 1,
  STDERR: 1 << 2,
  /** Docker's 8-byte headers before each piece of output (multiplexed); raw bytes without it. */
  FRAMED: 1 << 3,
} as const

/** Frames on a shim's sockets: u32 type, u32 length of the payload, payload. */
export const FRAME_HEADER = struct({ type: 'u32', bytes: 'u32' })

export const FRAME = {
  // From the shim, on a control connection.
  STARTED: 1, // STARTED, then its reports: the program ran up to its exec
  FAILED: 2, // FAILED, then its reports: the process never came to be
  EXITED: 3, // EXITED
  ROTATED: 5, // empty: the log was rotated since the last ROTATION_SEEN
  // From the shim, on a connection that sent ATTACH; then raw bytes.
  ATTACHED: 4, // ATTACHED
  // To the shim: the first frame of a connection says what it is for.
  CONTROL: 16, // empty: answers with STARTED/FAILED/EXITED as they hold, now and later
  ATTACH: 17, // ATTACH_REQUEST; from then on raw bytes both ways
  // To the shim, on a control connection.
  RESIZE: 18, // RESIZE
  CLOSE_STDIN: 19, // empty
  ROTATION_SEEN: 21, // empty: the daemon looks at the log's files now; tell of the next rotation
  SIGNAL: 20, // SIGNAL: to the process, whose pid cannot have been reused since the shim is its parent
  /** Of what is sent to the shim. */
  MAX_PAYLOAD: 64,
} as const

export const STARTED = struct({
  pid: 'i32',
  shim_pid: 'i32',
  /** Field 22 of /proc/PID/stat. */
  start_ticks: 'u64',
  /** Since the epoch. */
  time_ns: 'u64',
  before_reports: 'u32',
  main_reports: 'u32',
})

/** Where a launch failed. */
export const STAGE = {
  /** The shim's own preparations; a malformed launch. */
  SETUP: 0,
  /** A step of the `before` program: its last report. */
  BEFORE: 1,
  CLONE: 2,
  /** A step of the main program: its last report. */
  MAIN: 3,
  /** The process ended in the middle of its program, without a failed step: see wait_status. */
  KILLED: 4,
  /** The program did not send its terminal. */
  CONSOLE: 5,
  /** started.json could not be written: a later daemon would not find the process. */
  RECORD: 6,
} as const

export const FAILED = struct({
  stage: 'u32',
  /** Positive. */
  error: 'i32',
  wait_status: 'i32',
  before_reports: 'u32',
  main_reports: 'u32',
})

export const EXITED = struct({ pid: 'i32', wait_status: 'i32', time_ns: 'u64', log_entries_lost: 'u64' })
export const ATTACHED = struct({ error: 'i32' })
export const RESIZE = struct({ rows: 'u16', columns: 'u16' })
export const SIGNAL = struct({ number: 'i32' })

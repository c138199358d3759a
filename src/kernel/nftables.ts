/**
 * nftables through libnftables(3): rule sets as text, performed in one transaction, without an `nft` process.
 * The library is part of a base system (Debian: libnftables1, CentOS: nftables) and not linked but opened on first use.
 */

import { closeSync, openSync } from 'node:fs'
import ffi from 'ffi-napi'
import { SkiffError, Unavailable } from './errors.ts'

const SONAME = 'libnftables.so.1'

const open = () =>
  ffi.Library(SONAME, {
    nft_ctx_new: ['pointer', ['uint32']],
    nft_ctx_free: ['void', ['pointer']],
    nft_ctx_buffer_output: ['int', ['pointer']],
    nft_ctx_buffer_error: ['int', ['pointer']],
    nft_ctx_get_output_buffer: ['string', ['pointer']],
    nft_ctx_get_error_buffer: ['string', ['pointer']],
    nft_run_cmd_from_buffer: ['int', ['pointer', 'string']],
  })

type Library = ReturnType<typeof open>

/** nft refused a rule set; the message holds its own words, which point at the place. */
export class NftablesError extends SkiffError {
  constructor(
    readonly commands: string,
    readonly words: string,
  ) {
    super(`nft: ${words.trim() || 'failed without a message'}`)
  }
}

/** The library waits with select(2), for which a descriptor of FD_SETSIZE or above is the end of the process (fd_set(3)). */
const MOST_DESCRIPTOR = 1_000
/** Kept by the first context that is made, when descriptors are still low, for one more beside it. */
let spare: number | null = null

/** Makes `make` get a low descriptor. @throws Unavailable if all are taken */
function withLowDescriptor<T>(make: () => T): T {
  if (spare !== null) closeSync(spare)
  spare = null
  const lowest = openSync('/dev/null', 'r')
  if (lowest < MOST_DESCRIPTOR) {
    closeSync(lowest)
    return make()
  }
  closeSync(lowest)
  throw new Unavailable('libnftables cannot be used beside so many open files')
}

function keepSpare(): void {
  const lowest = openSync('/dev/null', 'r')
  if (spare === null && lowest < MOST_DESCRIPTOR) spare = lowest
  else closeSync(lowest)
}

/** A context: bound to the network namespace in which it was made. */
export class Nftables {
  private readonly library: Library
  private readonly context: ReturnType<Library['nft_ctx_new']>

  /** @throws Unavailable if the library is not installed */
  constructor() {
    try {
      this.library = open()
    } catch (cause) {
      throw new Unavailable(
        `${SONAME} is missing: install libnftables1 (Debian, Ubuntu) or nftables (CentOS, Fedora)`,
        { cause },
      )
    }
    this.context = withLowDescriptor(() => this.library.nft_ctx_new(0))
    keepSpare()
    this.library.nft_ctx_buffer_output(this.context)
    this.library.nft_ctx_buffer_error(this.context)
  }

  /**
   * Performs commands in nft(8)'s language: all of them or none. Returns what they print.
   * @throws NftablesError
   */
  run(commands: string): string {
    const failed = this.library.nft_run_cmd_from_buffer(this.context, commands) !== 0
    // Both buffers are emptied by being read.
    const output = this.library.nft_ctx_get_output_buffer(this.context)
    const words = this.library.nft_ctx_get_error_buffer(this.context)
    if (failed) throw new NftablesError(commands, words ?? '')
    return output ?? ''
  }

  close(): void {
    this.library.nft_ctx_free(this.context)
    keepSpare()
  }
}

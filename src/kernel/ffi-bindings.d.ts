/** What ffi-napi's own JavaScript is built on. */
declare module 'ffi-napi/lib/bindings.js' {
  const bindings: {
    ffi_call(cif: Buffer, pointer: Buffer, result: Buffer, pointersToArguments: Buffer): void
    /** On a thread of libuv's pool; keeps none of the buffers alive. */
    ffi_call_async(
      cif: Buffer,
      pointer: Buffer,
      result: Buffer,
      pointersToArguments: Buffer,
      done: (error: string | null) => void,
    ): void
  }
  export default bindings
}

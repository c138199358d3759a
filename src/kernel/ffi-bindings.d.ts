/** What ffi-napi's own JavaScript is built on. */
declare module 'ffi-napi/lib/bindings.js' {
  const bindings: { ffi_call(cif: Buffer, pointer: Buffer, result: Buffer, pointersToArguments: Buffer): void }
  export default bindings
}

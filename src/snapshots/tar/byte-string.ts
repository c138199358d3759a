/**
 * File names are bytes, and not every one of them is UTF-8. A ByteString is a string with one character per byte (latin1):
 * it splits, joins, compares and serves as a key as strings do, and loses nothing.
 */

declare const brand: unique symbol
export type ByteString = string & { readonly [brand]: 'ByteString' }

export const fromBytes = (bytes: Uint8Array): ByteString =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as ByteString

export const fromText = (text: string): ByteString => fromBytes(Buffer.from(text))

export const toBytes = (name: ByteString): Buffer => Buffer.from(name, 'latin1')

/** For people: bytes that are not UTF-8 come out as U+FFFD. */
export const toText = (name: ByteString): string => toBytes(name).toString()

/** For system calls: the bytes and a NUL. */
export const toPath = (name: ByteString): Buffer => Buffer.from(`${name}\0`, 'latin1')

/** Folder and last component of a relative path; the folder of a single component is ''. */
export function splitPath(path: ByteString): { folder: ByteString; name: ByteString } {
  const slash = path.lastIndexOf('/')
  return { folder: path.slice(0, Math.max(slash, 0)) as ByteString, name: path.slice(slash + 1) as ByteString }
}

export const joinPath = (folder: ByteString, name: ByteString): ByteString =>
  folder === '' ? name : (`${folder}/${name}` as ByteString)

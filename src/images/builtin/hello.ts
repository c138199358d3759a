/** The image `hello`: one static program, native/hello.c, that tells what a container is by what it sees. */

import { fileURLToPath } from 'node:url'
import type { LayerStore } from '../../snapshots/layers.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import { EMPTY_CONFIG } from '../oci.ts'
import { makeFromList } from './make.ts'
import { LibraryCollector } from './shared-libraries.ts'

// The same from src/images/builtin and from dist/images/builtin.
const PROGRAM = fileURLToPath(new URL('../../../build/hello', import.meta.url))

export async function makeHello(store: ImageStore, layers: LayerStore): Promise<StoredImage> {
  // None, unless the machine that compiled it has no static libc.
  const libraries = new LibraryCollector()
  await libraries.add(PROGRAM)
  return makeFromList(store, layers, {
    files: [{ to: 'hello', from: PROGRAM }, ...libraries.files().map(({ from, to }) => ({ from, to: to.slice(1) }))],
    config: { ...EMPTY_CONFIG, cmd: ['/hello'], workingDir: '/' },
    createdBy: 'skiff: the program native/hello.c',
  })
}

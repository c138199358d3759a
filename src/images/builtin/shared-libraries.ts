/** Finds the shared libraries of programs where the dynamic linker would: run path, then the system's folders. See ld.so(8). */

import { access, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ElfNeeds, readElf } from './elf.ts'

const ARCH_FOLDER: Record<string, string> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

/** Where Debian's and Fedora's dynamic linkers look by themselves. */
const SYSTEM_FOLDERS = ['/lib', '/usr/lib'].flatMap(folder => [
  `${folder}/${ARCH_FOLDER[process.arch] ?? process.arch}`,
  `${folder}64`,
  folder,
])

export interface LibraryFile {
  /** The file on this machine. */
  from: string
  /** The path that programs in the image find it by. */
  to: string
}

/** Collects libraries and interpreters, each once. */
export class LibraryCollector {
  readonly #files = new Map<string, LibraryFile>()

  files(): LibraryFile[] {
    return [...this.#files.values()]
  }

  /** Adds all that a program needs, and what that needs. */
  async add(program: string): Promise<void> {
    const needs = await readElf(program)
    if (needs === undefined) return
    if (needs.interpreter !== undefined) await this.#keep(needs.interpreter)
    for (const library of needs.libraries) await this.addLibrary(library, needs, dirname(program))
  }

  /** Adds a library by its name, if it is there. */
  async addLibrary(name: string, needs: Pick<ElfNeeds, 'runPath'> = { runPath: [] }, origin = '/'): Promise<void> {
    const runPath = needs.runPath.map(folder => folder.replace(/\$\{?ORIGIN\}?/, origin))
    for (const folder of [...runPath, ...SYSTEM_FOLDERS]) {
      const path = join(folder, name)
      if (await exists(path)) {
        await this.#keep(path)
        return
      }
    }
  }

  async #keep(path: string): Promise<void> {
    if (this.#files.has(path)) return
    const from = await realpath(path)
    this.#files.set(path, { from, to: path })
    await this.add(from)
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

/**
 * The image `host`: the shell and core tools of this very machine with the shared libraries they need, in the folders of a
 * merged /usr. It makes `skiff run -it host sh` work on any Linux, offline.
 */

import { open, realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ListedFile } from '../../snapshots/file-list.ts'
import type { LayerStore } from '../../snapshots/layers.ts'
import type { ImageStore, StoredImage } from '../image-store.ts'
import { EMPTY_CONFIG } from '../oci.ts'
import { makeFromList } from './make.ts'
import { exists, LibraryCollector } from './shared-libraries.ts'

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Those that are here are taken. */
const TOOLS = `
  sh bash dash
  [ arch base64 basename cat chgrp chmod chown chroot cksum comm cp csplit cut date dd df dir dirname du echo env expand
  expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl
  nohup nproc numfmt od paste printenv printf pwd readlink realpath rm rmdir seq sha1sum sha256sum sha512sum shred shuf
  sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq
  unlink users vdir wc who whoami yes
  awk cmp diff egrep fgrep find grep gzip gunzip less more sed tar which xargs zcat
  hostname kill killall pgrep pidof pkill ps free top uptime vmstat w watch
  capsh chrt clear dmesg findmnt flock getopt hexdump ionice ip ipcs lsblk lsns mount mountpoint nc nsenter ping
  prlimit renice reset script setpriv setsid ss strace taskset tput umount unshare vi
`
  .trim()
  .split(/\s+/)

const FOLDERS: [path: string, mode: number][] = [
  ['dev', 0o755],
  ['etc', 0o755],
  ['home', 0o755],
  ['mnt', 0o755],
  ['opt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['usr/bin', 0o755],
  ['usr/lib', 0o755],
  ['usr/lib64', 0o755],
  ['usr/share', 0o755],
  ['var', 0o755],
  ['var/tmp', 0o1777],
]

const MERGED: [path: string, target: string][] = [
  ['bin', 'usr/bin'],
  ['sbin', 'usr/bin'],
  ['lib', 'usr/lib'],
  ['lib64', 'usr/lib64'],
  ['usr/sbin', 'bin'],
  ['var/run', '/run'],
]

const TEXTS: [path: string, text: string][] = [
  ['etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n'],
  ['etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'],
  ['etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\nprotocols: files\nservices: files\n'],
]

const TERMINFO = ['/etc/terminfo', '/lib/terminfo', '/usr/share/terminfo']
const TERMINALS = [
  'dumb',
  'linux',
  'rxvt-unicode',
  'screen',
  'screen-256color',
  'tmux',
  'tmux-256color',
  'vt100',
  'xterm',
  'xterm-256color',
]

export async function makeHost(store: ImageStore, layers: LayerStore): Promise<StoredImage> {
  const tools = await toolFiles()
  const shell = tools.some(({ to }) => to === 'usr/bin/bash') ? '/bin/bash' : '/bin/sh'
  return makeFromList(store, layers, {
    files: [
      ...FOLDERS.map(([to, mode]) => ({ to, folder: true as const, mode })),
      ...MERGED.map(([to, symlink]) => ({ to, symlink })),
      ...TEXTS.map(([to, text]) => ({ to, text, mode: 0o644 })),
      ...tools,
      ...(await terminfoFiles()),
    ],
    config: { ...EMPTY_CONFIG, env: [`PATH=${PATH}`], cmd: [shell] },
    createdBy: "skiff: this machine's shell and core tools",
  })
}

/** Programs, the interpreters of those that are scripts, and libraries; each real file once. */
async function toolFiles(): Promise<ListedFile[]> {
  const files = new Map<string, ListedFile>()
  const libraries = new LibraryCollector()
  const waiting = [...TOOLS]
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const path = await findProgram(name)
    if (path === undefined || files.has(`usr/bin/${name}`)) continue
    const from = await realpath(path)
    const realName = basename(from)
    if (realName !== name) files.set(`usr/bin/${name}`, { to: `usr/bin/${name}`, symlink: realName })
    files.set(`usr/bin/${realName}`, { to: `usr/bin/${realName}`, from })
    const interpreter = await interpreterOf(from)
    if (interpreter !== undefined) waiting.push(interpreter)
    await libraries.add(from)
  }
  // glibc loads these by name, when it looks up users and hosts; newer ones have them inside.
  for (const library of ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']) await libraries.addLibrary(library)
  for (const { from, to } of libraries.files()) files.set(merged(to), { to: merged(to), from })
  return [...files.values()]
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of PATH.split(':')) {
    const path = `${folder}/${name}`
    if (await exists(path)) return path
  }
  return undefined
}

/** The name of the program that a script starts with. */
async function interpreterOf(path: string): Promise<string | undefined> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(128), 0, 128, 0)
    const line = /^#!\s*(\S+)/.exec(buffer.toString('latin1', 0, bytesRead))
    return line ? basename(line[1]!) : undefined
  } finally {
    await file.close()
  }
}

/** A path of this machine, whose /lib may be a folder of its own, as a path in the image, where it is not. */
const merged = (path: string): string => path.replace(/^\/(bin|sbin|lib|lib64)\//, '/usr/$1/').slice(1)

async function terminfoFiles(): Promise<ListedFile[]> {
  const files: ListedFile[] = []
  for (const terminal of TERMINALS) {
    for (const folder of TERMINFO) {
      const from = `${folder}/${terminal[0]}/${terminal}`
      if (!(await exists(from))) continue
      files.push({ to: `usr/share/terminfo/${terminal[0]}/${terminal}`, from })
      break
    }
  }
  return files
}

/**
 * `skiff explain`: what a container is made of. The system calls with their reasons and, of a container that was started, their
 * results and times; the namespaces; the network; the cgroup's files; the layers. As text to read, as JSON for tools, as a script to run.
 */

import type { CgroupFolder, CgroupSetting } from '../../cgroups/types.ts'
import { CLONE_TABLE, namesOf } from '../../program/flags.ts'
import { describeProgram, listProgram } from '../../program/listing.ts'
import { toScript } from '../../program/script.ts'
import { word } from '../../program/shell.ts'
import type { Compiled } from '../compile/container.ts'
import type { ContainerSpec } from '../spec.ts'
import type { Trace } from '../start-failed.ts'
import { describeNamespaces, type NamespaceFacts } from './namespaces.ts'
import { describeRoot, type RootFacts } from './root.ts'

export interface ExplainSubject {
  name: string
  spec: ContainerSpec
  /** What would run, or did. */
  compiled: Compiled
  /** What came of it; null: it was not started, or by a daemon that is no more. */
  trace: Trace | null
  /** The container's first process; null: none runs. */
  pid: number | null
  /** Files of the cgroup with their values: of the group as it is, or as it would be made. */
  cgroup: readonly CgroupSetting[]
  network: NetworkPart
}

/** What the room of networks says of itself: this one does not know it. */
export interface NetworkPart {
  /** For tools; null: it has none, or not yet. */
  facts: object | null
  text: readonly string[]
}

export type ExplainForm = 'text' | 'json' | 'sh'

export async function explain(subject: ExplainSubject, form: ExplainForm): Promise<string> {
  if (form === 'sh') return script(subject)
  const facts = {
    namespaces: await describeNamespaces(subject.spec, subject.pid),
    root: describeRoot(subject.spec.root),
  }
  return form === 'json' ? toJson(subject, facts) : toText(subject, facts)
}

interface Facts {
  namespaces: NamespaceFacts[]
  root: RootFacts
}

const programsOf = ({
  compiled,
  trace,
}: ExplainSubject): Pick<Trace, 'before' | 'program' | 'cloneFlags' | 'reports'> =>
  trace ?? { ...compiled, reports: { before: [], main: [] } }

/** `clone3({flags=CLONE_NEWNS|…, exit_signal=SIGCHLD, cgroup=…})` */
function showClone(cloneFlags: number, intoPath: string | null): string {
  const names = namesOf(CLONE_TABLE, cloneFlags)
  const flags = intoPath === null ? names : `${names === '0' ? '' : `${names}|`}CLONE_INTO_CGROUP`
  const cgroup = intoPath === null ? '' : `, cgroup="${intoPath}"`
  return `clone3({flags=${flags}, exit_signal=SIGCHLD${cgroup}})`
}

function toText(subject: ExplainSubject, { namespaces, root }: Facts): string {
  const { before, program, cloneFlags, reports } = programsOf(subject)
  const { spec } = subject
  const started = subject.trace === null ? 'nothing of it was run by this daemon' : 'as it ran: = result <duration>'
  return [
    `${subject.name} (${spec.id.slice(0, 12)}): ${spec.process.argv.join(' ')}`,
    '',
    `PROGRAM (${program.steps.length} system calls; ${started})`,
    '',
    ...(before ? ['in the shim, before the clone', listProgram(before, reports.before)] : []),
    `${showClone(cloneFlags, spec.cgroup.intoPath)}`,
    '      # a process in new namespaces runs what follows - clone(2), namespaces(7)',
    '',
    listProgram(program, reports.main),
    'NAMESPACES (/proc/PID/ns)',
    ...table(namespaces.map(({ kind, inode, origin }) => [kind, inode === null ? '-' : String(inode), origin])),
    '',
    'NETWORK',
    ...subject.network.text,
    '',
    'CGROUP',
    ...cgroupText(spec.cgroupView.folders, subject.cgroup),
    '',
    'ROOT',
    ...rootText(root),
    '',
  ].join('\n')
}

function cgroupText(folders: readonly CgroupFolder[], settings: readonly CgroupSetting[]): string[] {
  return folders.flatMap(folder => {
    const own = settings.filter(setting => setting.folder === folder.path)
    const rows = own.map(({ file, value, why }) => [file, value.trim().replaceAll('\n', ' ; '), why])
    return [`  ${folder.path}  (v${folder.version}${folder.label ? ` ${folder.label}` : ''})`, ...table(rows, '    ')]
  })
}

function rootText(root: RootFacts): string[] {
  if (root.kind === 'plain') return [`  the folder ${root.path}`]
  return [
    `  overlay; ${root.optionBytes} of 4096 bytes of mount options`,
    ...table([
      ['written', root.upper],
      ...(root.frozen ?? []).map((path, index, all) => [`frozen ${all.length - index}`, path]),
      ...root.layers.map((path, index) => [`layer ${root.layers.length - index}`, path]),
    ]),
  ]
}

/** Columns as wide as their widest cell; the last one runs free. */
function table(rows: readonly (readonly string[])[], indent = '  '): string[] {
  const width = (column: number): number => Math.max(...rows.map(row => (row[column] ?? '').length))
  return rows.map(row => {
    const cells = row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(width(column))))
    return `${indent}${cells.join('  ')}`.trimEnd()
  })
}

function toJson(subject: ExplainSubject, { namespaces, root }: Facts): string {
  const { before, program, cloneFlags, reports } = programsOf(subject)
  const { spec } = subject
  const explained = {
    name: subject.name,
    id: spec.id,
    pid: subject.pid,
    argv: spec.process.argv,
    before: before ? describeProgram(before, reports.before) : [],
    clone: { flags: namesOf(CLONE_TABLE, cloneFlags).split('|'), into_cgroup: spec.cgroup.intoPath },
    program: describeProgram(program, reports.main),
    namespaces,
    network: subject.network.facts,
    cgroup: { folders: spec.cgroupView.folders, settings: subject.cgroup },
    root,
  }
  return `${JSON.stringify(explained, null, 2)}\n`
}

function script({ name, spec, compiled, cgroup }: ExplainSubject): string {
  const { cloneFlags, before, program } = compiled
  return toScript({
    name,
    cloneFlags,
    before,
    program,
    rootMountPoint: spec.rootMountPoint,
    setUp: cgroupCommands(spec, cgroup),
  })
}

/**
 * The group with its limits, by mkdir and echo. It is entered here and not where the program does it: unshare(1) makes the cgroup
 * namespace along with the others, and its root is where the process is then.
 */
function cgroupCommands({ cgroup, cgroupView }: ContainerSpec, settings: readonly CgroupSetting[]): string[] {
  const folders = cgroupView.folders.map(({ path }) => `mkdir -p ${word(path)}`)
  const files = settings.flatMap(({ file, value, folder, why }, index) => {
    const comment = why === settings[index - 1]?.why ? [] : [`# ${why}`]
    if (!/^[a-z0-9_.-]+$/.test(file)) return [...comment, `# (${file}: bpf(2), no tool does it)`]
    const lines = value.trimEnd().split('\n')
    return [...comment, ...lines.map(line => `echo ${word(line)} >${word(`${folder}/${file}`)}`)]
  })
  const unified = cgroup.intoPath === null ? [] : [`${cgroup.intoPath}/cgroup.procs`]
  const enter = [...unified, ...cgroup.tasksFiles].map(path => `echo 0 >${word(path)}`)
  if (folders.length === 0) return []
  return [
    '# The cgroup and its limits. It stays when the command has ended: rmdir it.',
    ...folders,
    ...files,
    ...enter,
    '',
  ]
}
